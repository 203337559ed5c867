"""Checks of the prompt pool."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import preview
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.provenance import normalise_text
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dg.asset_check(asset="prompt_pool", blocking=True)
def pool_keeps_clear_of_benchmarks(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """No prompt of the pool shares an n-gram with a benchmark's question or solution."""
    index = BenchmarkIndex(tables.scan("benchmark_prompts").collect(), ngram=workspace.recipe().pool.ngram)
    found = index.overlaps(tables.scan("prompt_pool").collect())
    return dg.AssetCheckResult(
        passed=found.is_empty(), metadata={"overlapping_prompts": found.height, "examples": preview(found)}
    )


@dg.asset_check(asset="prompt_pool", blocking=True)
def pool_prompts_are_unique(tables: Tables) -> dg.AssetCheckResult:
    """No normalised prompt text occurs twice in the pool."""
    texts = [normalise_text(text) for text in tables.scan("prompt_pool").select("prompt").collect()["prompt"]]
    repeated = len(texts) - len(set(texts))
    return dg.AssetCheckResult(passed=repeated == 0, metadata={"prompts": len(texts), "repeated": repeated})


@dg.asset_check(asset="prompt_pool", blocking=True)
def pool_prompts_have_one_cluster(tables: Tables) -> dg.AssetCheckResult:
    """Every prompt of the pool is in exactly one cluster, and only prompts of conversations are there besides."""
    chat = tables.scan("chat_sft_data").select("prompt_id")
    pool, clusters = tables.scan("prompt_pool").select("prompt_id"), tables.scan("prompt_clusters").select("prompt_id")
    without = count_rows(pool.join(clusters, on="prompt_id", how="anti"))
    unknown = count_rows(clusters.join(pl.concat([pool, chat]), on="prompt_id", how="anti"))
    twice = count_rows(clusters) - count_rows(clusters.unique())
    return dg.AssetCheckResult(
        passed=without == unknown == twice == 0,
        metadata={"without_cluster": without, "unknown_prompts": unknown, "in_two_clusters": twice},
    )


@dg.asset_check(asset="prompt_pool")
def refused_share_is_low(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """The share of source rows that did not reach the pool is within half of the recipe's limit: an early warning."""
    sources = [source.name for source in workspace.recipe().sources]
    kept = count_rows(tables.scan("prompt_pool"))
    dropped = count_rows(tables.scan("prompt_pool_dropped")) + count_rows(
        tables.scan("seed_prompts_dropped", source=sources)
    )
    share = dropped / (kept + dropped) if kept + dropped else 0.0
    limit = workspace.recipe().pool.rejected_share_limit / 2
    return dg.AssetCheckResult(
        passed=share <= limit,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"kept": kept, "dropped": dropped, "share": share, "limit": limit},
    )
