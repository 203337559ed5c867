"""When assets follow their inputs by themselves: named conditions, each with its reason."""

import dagster as dg

FOLLOW_CHECKED_TRACES = (
    dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
).with_label("follow_checked_traces")
"""Verified and scored traces repair themselves when traces appear outside the usual job, but never build on a partition
whose blocking check failed."""

FOLLOW_WHATEVER_EXISTS = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .with_label("follow_whatever_exists")
)
"""Rebuilt from the partitions that exist: a source not yet read or a model that was never sampled holds nothing back.
Running partitions do, so a burst of finished temperatures leads to one rebuild."""

_NOT_JUDGED = dg.AssetSelection.assets(
    "prompt_pool", "sampled_traces", "chat_sft_data", "cot_prompted_traces", "non_reasoning_data"
)

FOLLOW_JUDGED_TRACES = (
    FOLLOW_WHATEVER_EXISTS.ignore(dg.AssetSelection.assets("sampled_traces"))
    & dg.AutomationCondition.any_deps_match(
        ~dg.AutomationCondition.missing() | dg.AutomationCondition.will_be_requested()
    ).ignore(_NOT_JUDGED)
).with_label("follow_judged_traces")
"""The same for what is made of judged traces. A pool that nothing was sampled from yet leads to nothing, because a mix
of no rows is an error; and traces that are sampled but not judged lead to no rebuild, because one more follows.
Whatever is made of verdicts depends on scored_traces too, the last of a trace's tables, so that nothing starts between
verdict and score."""


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Evaluates every condition; on from the start, because a platform that refreshes only when told is none."""
    return dg.AutomationConditionSensorDefinition(
        "follow_upstream",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
