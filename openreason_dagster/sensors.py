"""Looks at the world and asks for runs: thin, around a pure function."""

from collections.abc import Sequence

import dagster as dg

from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.workspace import Workspace

_UNUSABLE = frozenset("|,[]")


def new_model_names(selected: Sequence[str], known: Sequence[str]) -> list[str]:
    """Models that the recipe selects and that have no partition yet, in catalogue order.

    Names with characters that Dagster's partition keys cannot carry are left out; the catalogue refuses such names too.
    """
    return [name for name in selected if name not in set(known) and not _UNUSABLE & set(name)]


@dg.sensor(
    name="new_models",
    job_name="sample_model",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A new file in the model catalogue becomes a partition and is sampled at all temperatures.",
)
def new_models(context: dg.SensorEvaluationContext, workspace: Workspace) -> dg.SensorResult | dg.SkipReason:
    """Add a partition for each new model and ask for one run over all its temperatures."""
    if context.instance.get_latest_materialization_event(dg.AssetKey("prompt_pool")) is None:
        return dg.SkipReason("the prompt pool is not built yet; materialise prompt_pool first")
    recipe = workspace.recipe()
    new = new_model_names(workspace.selected_models(), context.instance.get_dynamic_partitions(MODELS.name or ""))
    if not new:
        return dg.SkipReason("every selected model of the catalogue has its partitions")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"new-model:{name}", tags=range_tags(name, recipe)) for name in new],
        dynamic_partitions_requests=[MODELS.build_add_request(new)],
    )
