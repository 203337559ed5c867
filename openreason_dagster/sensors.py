"""Looks at the world and asks for runs: thin, around a pure function."""

import json
from collections.abc import Mapping, Sequence

import dagster as dg

from openreason_dagster.domain.errors import OpenReasonError, RecipeError
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.model_plan import sampling_plan
from openreason_dagster.resources.scope import fingerprints_in_effect, foreign_sources
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
    if not count_rows(tables.scan("prompt_pool")):
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

    The cursor holds, per model, the settings that were last asked for: a run that fails or meets its budget is not
    repeated until the settings change again or somebody runs it.
    """
    recipe = workspace.recipe()
    if recipe.sampling.refresh != "automatic":
        return dg.SkipReason("the recipe's `sampling.refresh` is by_command; stale partitions wait for somebody")
    known = set(context.instance.get_dynamic_partitions(MODELS.name or ""))
    in_effect, asked = fingerprints_in_effect(tables, workspace), json.loads(context.cursor or "{}")
    problems, stale = [], {}
    for name in (name for name in workspace.selected_models() if name in known):
        try:
            wanted = _wanted(workspace, name, recipe)
        except OpenReasonError as error:
            problems.append(str(error))
            continue
        if is_stale(wanted, in_effect.get(name, {})) and asked.get(name) != stable_hash(wanted):
            stale[name] = stable_hash(wanted)
    if not stale:
        return dg.SkipReason("; ".join(problems) or "no partition is stale that a run was not yet asked for")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags=range_tags(name, recipe)) for name in stale], cursor=json.dumps(asked | stale)
    )


def is_stale(wanted: Mapping[str, str], in_effect: Mapping[str, str]) -> bool:
    """Whether a temperature is in effect with another fingerprint than is wanted; one never sampled is not stale."""
    return any(key in in_effect and in_effect[key] != fingerprint for key, fingerprint in wanted.items())


def _wanted(workspace: Workspace, name: str, recipe: Recipe) -> dict[str, str]:
    """Fingerprint per temperature key that the recipe asks for."""
    plan = sampling_plan(workspace, workspace.usable_model(name), recipe.temperature_keys)
    return {temperature.key: temperature.fingerprint for temperature in plan.temperatures}


def _problem(workspace: Workspace, name: str) -> str | None:
    try:
        workspace.usable_model(name)
    except RecipeError as error:
        return str(error)
    return None
