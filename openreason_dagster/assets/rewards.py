"""Scored traces: one column per reward, OR5 among them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, every_row, picture, report_partition
from openreason_dagster.automation import FOLLOW_CHECKED_TRACES
from openreason_dagster.domain.recipe import RewardWeights
from openreason_dagster.domain.release.language_report import language_consistency
from openreason_dagster.domain.release.plots import reward_histogram
from openreason_dagster.domain.release.report_data import reward_totals
from openreason_dagster.domain.rewards.score import score_batch
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.schemas import SCORED_TRACES
from openreason_dagster.partitions import temperatures_by_model, trace_key
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_BATCH = 2_000


def scored_traces(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Asset: rewards of every verified trace; a partition is replaced in one transaction."""

    @dg.asset(
        name="scored_traces",
        deps=["sampled_traces", "verified_traces", "prompt_pool"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="traces_and_OR5",
        kinds={"deltalake"},
        tags={"openreason/OR5": ""},
        metadata=definition_metadata(SCORED_TRACES),
        description=SCORED_TRACES.description + " OR5 is the column reward_language_consistency.",
        automation_condition=FOLLOW_CHECKED_TRACES,
    )
    def asset(context: dg.AssetExecutionContext, tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
        weights = workspace.recipe().reward_weights
        for model, temperatures in temperatures_by_model(context.partition_keys).items():
            for temperature in temperatures:
                keys = {"model": model, "temperature": temperature}
                tables.replace("scored_traces", _scores(tables, weights, keys), **keys)
                report_partition(context, trace_key(model, temperature), _metadata(tables, keys))
        return dg.MaterializeResult()

    return asset


def _scores(tables: Tables, weights: RewardWeights, keys: dict[str, str]) -> Iterator[pl.DataFrame]:
    verdicts = tables.scan("verified_traces", **keys).select("trace_id", "is_correct")
    languages = tables.scan("prompt_pool").select("prompt_id", "language")
    columns = ["trace_id", "prompt_id", "model", "temperature", "reasoning", "answer", "think_state"]
    rows = (
        tables.scan("sampled_traces", **keys)
        .select(columns)
        .join(languages, on="prompt_id")
        .join(verdicts, on="trace_id")
    )
    for batch in rows.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming"):
        yield score_batch(batch, weights)


def _metadata(tables: Tables, keys: dict[str, str]) -> dict[str, Any]:
    rows = tables.scan("scored_traces", **keys)
    names = ["reward_accuracy", "reward_format", "reward_language_consistency", "reward_total"]
    means = rows.select(pl.col(names).mean()).collect().row(0, named=True)
    languages = language_consistency({"scored_traces": rows, "prompt_pool": tables.scan("prompt_pool")})
    return {
        "dagster/partition_row_count": count_rows(rows),
        **{f"mean_{name}": round(value, 4) for name, value in means.items() if value is not None},
        "words_counted": languages["words"].sum(),
        "languages": every_row(languages.drop("model", "temperature")),
        "plot": picture(reward_histogram, reward_totals(rows), "Total reward of judged traces"),
    }
