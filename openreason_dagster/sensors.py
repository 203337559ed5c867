"""Looks at the world and asks for runs: thin, around a pure function."""

from collections.abc import Mapping, Sequence

import dagster as dg

from openreason_dagster.assets.metadata import count
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.plan import SamplingPlan
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.model_plan import sampling_plan
from openreason_dagster.resources.scope import PlanInEffect, foreign_sources, plans_in_effect
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


@dg.sensor(
    name="stale_models",
    job_name="sample_model",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where the recipe says `refresh: automatic`, models whose settings changed are sampled again.",
)
def stale_models(
    context: dg.SensorEvaluationContext, tables: Tables, workspace: Workspace
) -> dg.SensorResult | dg.SkipReason:
    """Ask for one run per model that has a partition whose plan in effect differs from what the recipe asks for now.

    A run is asked for once per change: one that fails is not repeated until somebody says so.
    """
    recipe = workspace.recipe()
    if recipe.sampling.refresh != "automatic":
        return dg.SkipReason("the recipe's `sampling.refresh` is by_command; stale partitions wait for somebody")
    known = set(context.instance.get_dynamic_partitions(MODELS.name or ""))
    models = [name for name in workspace.selected_models() if name in known and _problem(workspace, name) is None]
    in_effect = plans_in_effect(tables, workspace)
    wanted = {
        name: {each.key: each.fingerprint for each in _plan(workspace, name, recipe).temperatures} for name in models
    }
    stale = [name for name in models if is_stale(wanted[name], in_effect.get(name, {}))]
    if not stale:
        return dg.SkipReason("no partition is stale")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=_refresh_key(name, wanted[name], in_effect[name]), tags=range_tags(name, recipe))
            for name in stale
        ]
    )


def is_stale(wanted: Mapping[str, str], in_effect: Mapping[str, PlanInEffect]) -> bool:
    """Whether a temperature is in effect with another fingerprint than is wanted; one never sampled is not stale."""
    return any(key in in_effect and in_effect[key].fingerprint != fingerprint for key, fingerprint in wanted.items())


def _refresh_key(name: str, wanted: Mapping[str, str], in_effect: Mapping[str, PlanInEffect]) -> str:
    """The same until a plan takes effect, so that a change leads to one run, and going back and forth to several."""
    before = {key: [plan.fingerprint, plan.planned_at] for key, plan in in_effect.items()}
    return f"refresh:{name}:{stable_hash([dict(wanted), before])}"


def _plan(workspace: Workspace, name: str, recipe: Recipe) -> SamplingPlan:
    return sampling_plan(workspace, workspace.model(name), recipe.temperature_keys)


def _problem(workspace: Workspace, name: str) -> str | None:
    try:
        workspace.usable_model(name)
    except RecipeError as error:
        return str(error)
    return None
