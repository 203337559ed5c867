"""Seed prompts of every source, and the benchmarks that must never be trained on."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, preview, report_partition
from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import FileSource, HubSource, ProceduralSource
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS, SEED_PROMPTS, SEED_PROMPTS_DROPPED
from openreason_dagster.domain.seeds.benchmarks import benchmark_prompts as read_benchmarks
from openreason_dagster.domain.seeds.read_source import seed_prompts as read_source
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


def seed_prompts(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Asset: the prompts of one source per partition."""

    @dg.asset(
        name="seed_prompts",
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="seeds",
        kinds={"deltalake"},
        metadata=definition_metadata(SEED_PROMPTS),
        description=SEED_PROMPTS.description,
    )
    def asset(context: dg.AssetExecutionContext, tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
        recipe = workspace.recipe()
        for name in sorted(context.partition_keys):
            _collect(recipe.source(name), tables, workspace)
            _require_few_dropped(name, tables, limit=recipe.pool.rejected_share_limit)
            report_partition(context, name, _metadata(name, tables))
        return dg.MaterializeResult()

    return asset


@dg.asset(
    group_name="seeds",
    kinds={"deltalake"},
    metadata=definition_metadata(BENCHMARK_PROMPTS),
    description=BENCHMARK_PROMPTS.description,
)
def benchmark_prompts(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: the questions and solutions of the recipe's benchmarks."""
    tables.replace("benchmark_prompts", read_benchmarks(workspace.recipe().benchmarks, workspace.recipe_folder))
    counts = tables.scan("benchmark_prompts").group_by("benchmark").len("prompts").sort("benchmark").collect()
    return dg.MaterializeResult(
        metadata={"dagster/row_count": int(counts["prompts"].sum()), "prompts_by_benchmark": preview(counts)}
    )


def _collect(source: ProceduralSource | FileSource | HubSource, tables: Tables, workspace: Workspace) -> None:
    dropped = [SEED_PROMPTS_DROPPED.frame([])]

    def prompts() -> Iterator[pl.DataFrame]:
        for batch in read_source(source, workspace.recipe_folder):
            dropped.append(batch.dropped)
            yield batch.prompts

    tables.replace("seed_prompts", prompts(), source=source.name)
    tables.replace("seed_prompts_dropped", pl.concat(dropped), source=source.name)


def _require_few_dropped(name: str, tables: Tables, *, limit: float) -> None:
    set_aside = tables.scan("seed_prompts_dropped", source=name)
    dropped = count_rows(set_aside)
    rows = dropped + count_rows(tables.scan("seed_prompts", source=name))
    if dropped > limit * rows:
        causes = dict(set_aside.group_by("reason").len("rows").collect().iter_rows())
        raise SourceError(
            f"source {name!r}: {dropped} of {rows} rows cannot be used ({causes}), over the recipe limit "
            f"`pool.rejected_share_limit` {limit:g}. Table seed_prompts_dropped says why for each; correct `columns` "
            "or `answer_extraction`, or raise the limit."
        )


def _metadata(name: str, tables: Tables) -> dict[str, Any]:
    rows = tables.scan("seed_prompts", source=name)
    dropped = tables.scan("seed_prompts_dropped", source=name)
    return {
        "dagster/row_count": count_rows(rows),
        "dropped": count_rows(dropped),
        "preview": preview(rows.select("prompt", "reference_answer", "verifier", "domain").head(5).collect()),
    }
