"""Looks at the world and asks for runs: thin, around a pure function."""

from collections.abc import Sequence

import dagster as dg

from openreason_dagster.assets.metadata import count
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.scope import foreign_sources
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


def new_model_names(selected: Sequence[str], known: Sequence[str]) -> list[str]:
    """Models that the recipe selects and that have no partition yet, in catalogue order."""
    return [name for name in selected if name not in set(known)]


@dg.sensor(
    name="new_models",
    job_name="sample_model",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A new file in the model catalogue becomes a partition and is sampled at all temperatures.",
)
def new_models(
    context: dg.SensorEvaluationContext, tables: Tables, workspace: Workspace
) -> dg.SensorResult | dg.SkipReason:
    """Add a partition for each new model and ask for one run over all its temperatures.

    A file that cannot be used, half-written perhaps, is looked at again at the next tick.
    """
    recipe = workspace.recipe()
    if not count(tables.scan("prompt_pool")):
        return dg.SkipReason("the prompt pool is not built yet; materialise prompt_pool first")
    strangers = foreign_sources("prompt_pool", tables, recipe)
    if strangers:
        return dg.SkipReason(f"the prompt pool holds sources of another recipe ({', '.join(strangers)})")
    new = new_model_names(workspace.selected_models(), context.instance.get_dynamic_partitions(MODELS.name or ""))
    problems = {name: problem for name in new if (problem := _problem(workspace, name)) is not None}
    usable = [name for name in new if name not in problems]
    if not usable:
        return dg.SkipReason("; ".join(problems.values()) or "every selected model of the catalogue has its partitions")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"new-model:{name}", tags=range_tags(name, recipe)) for name in usable],
        dynamic_partitions_requests=[MODELS.build_add_request(usable)],
    )


def _problem(workspace: Workspace, name: str) -> str | None:
    try:
        workspace.usable_model(name)
    except RecipeError as error:
        return str(error)
    return None
