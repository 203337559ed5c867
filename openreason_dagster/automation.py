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
"""Data sets are rebuilt from the partitions that exist: one registered model that was never sampled must not hold them
back. Running partitions still do, so a burst of finished temperatures leads to one rebuild."""


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Evaluates every condition; on from the start, because a platform that refreshes only when told is none."""
    return dg.AutomationConditionSensorDefinition(
        "follow_upstream",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
