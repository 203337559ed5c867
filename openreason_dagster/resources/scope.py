"""What of the tables belongs to the recipe at hand.

Several recipes may share one root and sample the same models. A recipe's traces are those of its prompts, at the
settings its plans name; everything that counts or builds data sets reads the tables through this module.
"""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.model_scores import response_ids
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_PLAN_KEYS = ["model", "temperature", "fingerprint"]


def plans(tables: Tables, workspace: Workspace) -> pl.LazyFrame:
    """The recipe's sampling plans for the models and temperatures it selects now."""
    recipe = workspace.recipe()
    return tables.scan("sampling_plans", recipe=recipe.name).filter(
        pl.col("model").is_in(workspace.selected_models()) & pl.col("temperature").is_in(recipe.temperature_keys)
    )


def fingerprints_in_effect(tables: Tables, workspace: Workspace) -> dict[str, dict[str, str]]:
    """Fingerprint of the plan in effect per model and temperature key."""
    found: dict[str, dict[str, str]] = {}
    for model, temperature, fingerprint in plans(tables, workspace).select(_PLAN_KEYS).collect().iter_rows():
        found.setdefault(model, {})[temperature] = fingerprint
    return found


def recipe_tables(tables: Tables, workspace: Workspace) -> Mapping[str, pl.LazyFrame]:
    """Every table by name; seeds, traces, failures, costs, verdicts, suspicions and rewards are cut to the recipe."""
    recipe, frames = workspace.recipe(), {name: tables.scan(name) for name in TABLES}
    in_effect = plans(tables, workspace).select(_PLAN_KEYS)
    sources = [source.name for source in recipe.sources]
    prompts = frames["prompt_pool"].select("prompt_id")
    asked = pl.col("sample_index") < recipe.sampling.most_samples
    sampled = (
        frames["sampled_traces"]
        .filter(asked)
        .join(in_effect, on=_PLAN_KEYS, how="semi")
        .join(prompts, on="prompt_id", how="semi")
    )
    traces = sampled.select("trace_id")
    failures = frames["sampling_failures"].filter(asked).join(in_effect, on=_PLAN_KEYS, how="semi")
    return frames | {
        "seed_prompts": frames["seed_prompts"].filter(pl.col("source").is_in(sources)),
        "seed_prompts_dropped": frames["seed_prompts_dropped"].filter(pl.col("source").is_in(sources)),
        "sampled_traces": sampled,
        "sampling_ledger": tables.scan("sampling_ledger", recipe=recipe.name),
        "sampling_failures": failures.join(prompts, on="prompt_id", how="semi"),
        "verified_traces": frames["verified_traces"].join(traces, on="trace_id", how="semi"),
        "judge_verdicts": frames["judge_verdicts"].join(traces, on="trace_id", how="semi"),
        "verification_canaries": frames["verification_canaries"].join(
            frames["prompt_pool"].select("verifier").unique(), on="verifier", how="semi"
        ),
        "scored_traces": frames["scored_traces"].join(traces, on="trace_id", how="semi"),
        "model_rewards": _own_scores(frames | {"sampled_traces": sampled}, recipe),
        "suspect_references": frames["suspect_references"].join(prompts, on="prompt_id", how="semi"),
        "replaced_verdicts": frames["replaced_verdicts"].join(traces, on="trace_id", how="semi"),
    }


def _own_scores(frames: Mapping[str, pl.LazyFrame], recipe: Recipe) -> pl.LazyFrame:
    """Scores that the recipe's reward models gave to its responses."""
    scorers = [(reward, settings.model) for reward, settings in recipe.rewards.named.items()]
    named = pl.LazyFrame(scorers, schema={"reward": pl.String, "scorer": pl.String}, orient="row")
    scores = frames["model_rewards"].join(named, on=["reward", "scorer"], how="semi")
    return scores.join(response_ids(frames), on="trace_id", how="semi")


def require_own(table: str, tables: Tables, recipe: Recipe) -> None:
    """Refuse to go on with a prompt pool or a mix that was built for another recipe.

    Raises:
        RecipeError: the table has rows of sources that the recipe does not list.
    """
    strangers = foreign_sources(table, tables, recipe)
    if strangers:
        raise RecipeError(
            f"{table} was built for another recipe: it holds rows of {', '.join(strangers)}, which recipe "
            f"{recipe.name!r} does not list. Materialise {table} with this recipe, or name the other one with "
            "OPENREASON_RECIPE."
        )


def foreign_sources(table: str, tables: Tables, recipe: Recipe) -> list[str]:
    """Sources of a table's rows that the recipe does not list, sorted."""
    known = [source.name for source in (*recipe.sources, *recipe.chat_sources)]
    strangers = tables.scan(table).select("source").filter(~pl.col("source").is_in(known)).unique()
    return sorted(strangers.collect()["source"])
