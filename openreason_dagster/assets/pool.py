"""The prompt pool: what may be sampled."""

from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, every_row, preview
from openreason_dagster.automation import FOLLOW_WHATEVER_EXISTS
from openreason_dagster.domain.curation.benchmark_matches import match_examples, matches_by_benchmark
from openreason_dagster.domain.curation.conversation_clusters import with_openings
from openreason_dagster.domain.curation.prompt_pool import PoolResult, build_pool
from openreason_dagster.domain.datasets.turns import first_user_turn
from openreason_dagster.domain.release.topic_counts import MOST_TOPICS
from openreason_dagster.domain.schemas import PROMPT_POOL
from openreason_dagster.domain.verification.verify import audit_references
from openreason_dagster.resources.ray_parts import parts_of
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.verification_workers import verification_workers
from openreason_dagster.resources.workspace import Workspace


@dg.asset(
    deps=["seed_prompts", "benchmark_prompts", "chat_sft_data"],
    group_name="pool",
    kinds={"deltalake"},
    metadata=definition_metadata(PROMPT_POOL),
    description=PROMPT_POOL.description,
    automation_condition=FOLLOW_WHATEVER_EXISTS,
)
def prompt_pool(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: normalised, deduplicated, decontaminated seeds whose verifier accepts their own reference."""
    recipe = workspace.recipe()
    sources = [source.name for source in recipe.sources]
    seeds = tables.scan("seed_prompts", source=sources).collect()
    in_recipe_order = seeds.sort(pl.col("source").cast(pl.Enum(sources)), "source_row_id", "prompt_id")
    with verification_workers(recipe.verification) as workers, parts_of(recipe, folder=tables.root) as each:
        result = build_pool(
            in_recipe_order,
            tables.scan("benchmark_prompts").collect(),
            audit=lambda rows: audit_references(rows, workers),
            rules=recipe.pool,
            folder=workspace.recipe_folder,
            each=each,
        )
        clusters = with_openings(
            result.clusters,
            result.pool,
            _openings(tables, [source.name for source in recipe.chat_sources]),
            similarity=recipe.pool.near_duplicates.similarity,
            each=each,
        )
    tables.replace("prompt_pool_dropped", result.dropped)
    tables.replace("prompt_clusters", clusters)
    tables.replace("benchmark_matches", result.matches, stage="prompt_pool")
    tables.replace("prompt_pool", result.pool)
    return dg.MaterializeResult(metadata=_metadata(result))


def _openings(tables: Tables, sources: list[str]) -> pl.DataFrame:
    """prompt_id and text of the prompts that open the recipe's conversations."""
    rows = tables.scan("chat_sft_data").filter(pl.col("source").is_in(sources)).unique("prompt_id")
    return rows.select("prompt_id", prompt=first_user_turn()).collect(engine="streaming")


def _metadata(result: PoolResult) -> dict[str, Any]:
    by_reason = result.dropped.group_by("reason").len("prompts").sort("reason")
    by_source = result.pool.group_by("source", "domain", "verifier", "license").len("prompts").sort("source")
    by_topic = result.pool.group_by("topic").len("prompts").sort("prompts", "topic", descending=[True, False])
    clusters = result.clusters
    return {
        "dagster/row_count": result.pool.height,
        "clusters": clusters["cluster_id"].n_unique(),
        "largest_cluster": clusters["cluster_id"].value_counts()["count"].max(),
        "near_duplicates": clusters.filter(pl.col("kind") == "near_duplicate").height,
        "semantic_duplicates": clusters.filter(pl.col("kind") == "semantic_duplicate").height,
        "benchmark_matches": preview(matches_by_benchmark(result.matches.lazy())),
        "benchmark_match_examples": preview(match_examples(result.matches.lazy())),
        "near_duplicate_examples": preview(_examples(result, "near_duplicate")),
        "semantic_duplicate_examples": preview(_examples(result, "semantic_duplicate")),
        "dropped": result.dropped.height,
        "dropped_by_reason": preview(by_reason),
        "prompts_by_source": preview(by_source),
        "topics": result.pool["topic"].drop_nulls().n_unique(),
        "prompts_by_topic": every_row(by_topic.head(MOST_TOPICS)),
    }


def _examples(result: PoolResult, kind: str) -> pl.DataFrame:
    """Pairs of duplicates of that kind in the pool, the least similar first: where the similarity errs, it is there."""
    texts = result.pool.select("prompt_id", "prompt")
    pairs = (
        result.clusters.filter(pl.col("kind") == kind).drop_nulls("similarity").sort("similarity", "prompt_id").head(5)
    )
    earlier = texts.rename({"prompt_id": "similar_prompt_id", "prompt": "similar_prompt"})
    return (
        pairs.join(texts, on="prompt_id", maintain_order="left")
        .join(earlier, on="similar_prompt_id", maintain_order="left")
        .select("similarity", "prompt", "similar_prompt")
    )
