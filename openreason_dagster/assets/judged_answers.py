"""Answers that no verifier decides about, as a judge finds them: votes on pairs, and safety labels."""

from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, picture, preview
from openreason_dagster.assets.traces import SAMPLING_POOL
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.curation.splits import split_of
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.plots import reason_bars
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.schemas import PREFERENCE_VOTES, SAFETY_SET
from openreason_dagster.resources.preference_votes import build_preference_votes
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.safety_labels import build_safety_set
from openreason_dagster.resources.scope import require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_OPEN_ANSWERS = [
    "chat_sft_data", "cot_prompted_traces", "scored_traces", "verified_traces", "sampled_traces", "prompt_pool",
]  # fmt: skip
_OF_RECIPE = ("chat_sft_data", "cot_prompted_traces", "prompt_pool")


def preference_votes(recipe: Recipe) -> dg.AssetsDefinition:
    """Asset: a judge's votes; it waits for its turn to hold a model only where the recipe has a judge for it."""

    @dg.asset(
        name="preference_votes",
        deps=_OPEN_ANSWERS,
        group_name="datasets",
        kinds={"deltalake"},
        pool=SAMPLING_POOL if recipe.preference_pairs.votes else None,
        metadata=definition_metadata(PREFERENCE_VOTES),
        description=PREFERENCE_VOTES.description,
        automation_condition=FOLLOW_JUDGED_TRACES,
    )
    def asset(
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        progress: dg.ResourceParam[ProgressListener],
    ) -> dg.MaterializeResult[None]:
        _require_own(tables, workspace)
        if workspace.recipe().preference_pairs.votes is None:
            context.log.info("the recipe has no section `preference_pairs.votes`, so no judge is asked")
        build_preference_votes(tables, workspace, run_id=context.run.run_id, progress=progress)
        return dg.MaterializeResult(metadata=_votes_metadata(tables.scan("preference_votes")))

    return asset


def safety_set(recipe: Recipe) -> dg.AssetsDefinition:
    """Asset: responses labelled safe or unsafe; it waits for its turn to hold a model only where there is a judge."""

    @dg.asset(
        name="safety_set",
        deps=_OPEN_ANSWERS,
        group_name="datasets",
        kinds={"deltalake"},
        pool=SAMPLING_POOL if recipe.safety_set else None,
        metadata=definition_metadata(SAFETY_SET),
        description=SAFETY_SET.description,
        automation_condition=FOLLOW_JUDGED_TRACES,
    )
    def asset(
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        progress: dg.ResourceParam[ProgressListener],
    ) -> dg.MaterializeResult[None]:
        _require_own(tables, workspace)
        rules = workspace.recipe()
        if rules.safety_set is None:
            context.log.info("the recipe has no section `safety_set`, so nothing is labelled")
        split = split_of(pl.col("cluster_id"), seed=rules.seed, share=rules.sft_mix.validation_share)
        build_safety_set(tables, workspace, split=split, run_id=context.run.run_id, progress=progress)
        labels = tables.scan("safety_set").group_by("label", "reason", "split").len("rows").sort(pl.all()).collect()
        dropped = tables.scan("safety_set_dropped").group_by("reason").len("rows").collect()
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": int(labels["rows"].sum()),
                "dropped": int(dropped["rows"].sum()),
                "labels": preview(labels),
                "dropped_by_reason": picture(reason_bars, dropped, "Responses that were not labelled, by reason"),
            }
        )

    return asset


def _require_own(tables: Tables, workspace: Workspace) -> None:
    for table in _OF_RECIPE:
        require_own(table, tables, workspace.recipe())


def _votes_metadata(votes: pl.LazyFrame) -> dict[str, Any]:
    reasons = votes.group_by(reason=pl.col("reason")).len("rows").collect()
    dropped = reasons.filter(pl.col("reason").is_not_null())
    kept = votes.filter(pl.col("reason").is_null())
    means = kept.select(pl.col("mean_difference").abs().mean()).collect().item()
    return {
        "dagster/row_count": int(reasons["rows"].sum()),
        "kept": count_rows(kept),
        "dropped": int(dropped["rows"].sum()),
        "dropped_by_reason": picture(reason_bars, dropped, "Pairs that are no preference pairs, by reason"),
        **({} if means is None else {"mean_score_difference": round(means, 3)}),
        "preview": preview(votes.head(3).collect()),
    }
