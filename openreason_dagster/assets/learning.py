"""Data for reinforcement learning and reward models, of the pool and the traces that the SFT mix is made of."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, preview
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.curation.splits import split_of, with_cluster
from openreason_dagster.domain.datasets import preference_pairs as pairs
from openreason_dagster.domain.datasets import rl_prompts as rl
from openreason_dagster.domain.datasets import vote_pairs
from openreason_dagster.domain.datasets.open_answers import open_answers
from openreason_dagster.domain.datasets.replaced_references import (
    dropped_prompts,
    references_in_effect,
    verdicts_in_effect,
)
from openreason_dagster.domain.errors import RecipeError, ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.schemas import PREFERENCE_PAIRS, RL_PROMPTS
from openreason_dagster.resources.scope import recipe_tables, require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_BATCH = 10_000


@dg.asset(
    deps=["scored_traces", "verified_traces", "suspect_references", "prompt_pool"],
    group_name="datasets",
    kinds={"deltalake"},
    metadata=definition_metadata(RL_PROMPTS),
    description=RL_PROMPTS.description,
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def rl_prompts(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: prompts of the pool in the recipe's band of pass rates."""
    recipe = workspace.recipe()
    require_own("prompt_pool", tables, recipe)
    scoped = recipe_tables(tables, workspace)
    model = _policy_model(recipe, workspace)
    outcomes = rl.prompt_outcomes(scoped["prompt_pool"], verdicts_in_effect(scoped), policy_model=model)
    doubted = dropped_prompts(scoped["suspect_references"])
    selection = rl.select_rl_prompts(outcomes.collect(engine="streaming"), recipe.rl_prompts, doubted=doubted)
    pool = with_cluster(references_in_effect(scoped), scoped["prompt_clusters"])
    rows = rl.with_texts(selection.kept.lazy(), pool, split=_split(recipe))
    tables.replace("rl_prompts_dropped", selection.dropped)
    tables.replace("rl_prompts", rows.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming"))
    written = tables.scan("rl_prompts")
    _require_all("rl_prompts", count_rows(written), selection.kept.height)
    by_domain = written.group_by("domain", "split", "difficulty_band").len("prompts").sort(pl.all()).collect()
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": selection.kept.height,
            "dropped": selection.dropped.height,
            "by_domain": preview(by_domain),
            "dropped_by_reason": preview(_by_reason(selection.dropped)),
        }
    )


@dg.asset(
    deps=[
        "preference_votes",
        "scored_traces",
        "verified_traces",
        "suspect_references",
        "sampled_traces",
        "prompt_pool",
    ],
    group_name="datasets",
    kinds={"deltalake"},
    metadata=definition_metadata(PREFERENCE_PAIRS),
    description=PREFERENCE_PAIRS.description,
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def preference_pairs(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: a correct and a wrong trace of one prompt, and answers that a judge's votes tell apart."""
    recipe = workspace.recipe()
    require_own("prompt_pool", tables, recipe)
    scoped = recipe_tables(tables, workspace)
    sampled, pool = scoped["sampled_traces"], with_cluster(scoped["prompt_pool"], scoped["prompt_clusters"])
    traces = pairs.judged_traces(sampled, verdicts_in_effect(scoped), scored=scoped["scored_traces"])
    prompts, doubted = pool.select("prompt_id", "domain").collect(), dropped_prompts(scoped["suspect_references"])
    made = pairs.make_pairs(traces.collect(engine="streaming"), prompts, recipe.preference_pairs, doubted=doubted)
    rows = pairs.with_texts(made.made.lazy(), sampled, pool=pool, split=_split(recipe))
    batches = rows.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")
    tables.replace("preference_pairs_dropped", made.dropped, method=pairs.METHOD)
    tables.replace("preference_pairs", batches, method=pairs.METHOD)
    _require_all("preference_pairs", count_rows(tables.scan("preference_pairs", method=pairs.METHOD)), made.made.height)
    by_votes = _pairs_by_votes(tables, recipe, scoped)
    both = tables.scan("preference_pairs").group_by("method")
    lengths = both.agg(pl.len().alias("pairs"), pl.col("chosen_characters", "rejected_characters").mean().round(1))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": made.made.height + by_votes,
            "pairs_by_votes": by_votes,
            "prompts": made.made["prompt_id"].n_unique(),
            "prompts_dropped": made.dropped.height,
            "mean_lengths": preview(lengths.sort("method").collect()),
            "dropped_by_reason": preview(_by_reason(made.dropped)),
        }
    )


def _pairs_by_votes(tables: Tables, recipe: Recipe, scoped: Mapping[str, pl.LazyFrame]) -> int:
    """Replace the pairs by votes and say how many there are; none without `preference_pairs.votes`."""
    rules, votes = recipe.preference_pairs.votes, scoped["preference_votes"]
    if rules is None:
        tables.replace("preference_pairs", PREFERENCE_PAIRS.frame([]), method=vote_pairs.METHOD)
        return 0
    require_own("preference_votes", tables, recipe)
    answers, clusters = open_answers(scoped, rules), scoped["prompt_clusters"]
    rows = vote_pairs.with_texts(votes, answers, clusters=clusters, split=_split(recipe))
    batches = rows.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")
    tables.replace("preference_pairs", batches, method=vote_pairs.METHOD)
    written = count_rows(tables.scan("preference_pairs", method=vote_pairs.METHOD))
    _require_all("preference_pairs", written, count_rows(votes.filter(pl.col("reason").is_null())))
    return written


def _policy_model(recipe: Recipe, workspace: Workspace) -> str | None:
    model, selected = recipe.rl_prompts.policy_model, workspace.selected_models()
    if model is not None and model not in selected:
        raise RecipeError(
            f"recipe key `rl_prompts.policy_model`: found {model!r}, which `models` does not select, so that it has no "
            f"samples. Selected: {', '.join(selected) or 'none'}. Name one of these, or leave the key out."
        )
    return model


def _split(recipe: Recipe) -> pl.Expr:
    """The split of the SFT mix, so that no cluster of prompts is trained on here and validated on there."""
    return split_of(pl.col("cluster_id"), seed=recipe.seed, share=recipe.sft_mix.validation_share)


def _by_reason(dropped: pl.DataFrame) -> pl.DataFrame:
    return dropped.group_by("reason").len("prompts").sort("prompts", descending=True)


def _require_all(table: str, written: int, chosen: int) -> None:
    if written != chosen:
        raise ReleaseError(
            f"{table}: {chosen} rows were chosen but {written} written: their traces or prompts are gone, or stand "
            "twice. Materialise prompt_pool again, then what follows."
        )
