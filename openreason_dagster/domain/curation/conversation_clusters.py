"""Clusters of prompts that open conversations: with the prompts of the pool that they resemble, and with each other.

Conversations do not go through the pool, but they are trained on beside it; without this, one wording of a question
could be trained on and another validated on.
"""

import polars as pl

from openreason_dagster.domain.curation.clusters import first_of_component
from openreason_dagster.domain.curation.near_duplicates import PAIRS_SCHEMA, near_pairs
from openreason_dagster.domain.each_part import EachPart, one_by_one
from openreason_dagster.domain.schemas import PROMPT_CLUSTERS


def with_openings(
    clusters: pl.DataFrame,
    pool: pl.DataFrame,
    openings: pl.DataFrame,
    *,
    similarity: float,
    each: EachPart = one_by_one,
) -> pl.DataFrame:
    """Rows of prompt_clusters for the prompts of the pool and for those of conversations, the pool's first.

    Args:
        clusters: Rows of prompt_clusters for the pool.
        pool: prompt_id, prompt and verifier, a row per prompt of the pool.
        openings: prompt_id and prompt of each prompt that opens a conversation.
        similarity: As for `near_pairs`. A conversation has no reference, so that none is compared.
        each: Does the work that is cut into parts, here or on other machines.

    Clusters of the pool become one where an opening resembles prompts of both.
    """
    if openings.is_empty():
        return clusters
    prompts = pl.concat([pool.select("prompt_id", "prompt", "verifier"), _others(openings, pool)])
    compared = prompts.with_columns(reference_answer=pl.lit(None, pl.String))
    new = near_pairs(compared, similarity=similarity, from_row=pool.height, each=each)
    firsts = first_of_component(prompts.height, pl.concat([_links(clusters, prompts), new]))
    likest = new.sort("row", "similarity", "earlier_row", descending=[False, True, False]).unique("row", keep="first")
    ids = prompts["prompt_id"]
    found = likest.select(
        prompt_id=ids.gather(likest["row"]),
        likest=ids.gather(likest["earlier_row"]),
        likeness="similarity",
    )
    rows = (
        prompts.select("prompt_id")
        .with_row_index("row")
        .with_columns(first=pl.Series(firsts, dtype=pl.UInt32))
        .join(clusters.drop("cluster_id"), on="prompt_id", how="left", maintain_order="left")
        .join(found, on="prompt_id", how="left", maintain_order="left")
    )
    return rows.with_columns(
        cluster_id=ids.gather(rows["first"]),
        kind=_kind(),
        similar_prompt_id=pl.coalesce("similar_prompt_id", "likest"),
        similarity=pl.coalesce("similarity", "likeness"),
    ).select(PROMPT_CLUSTERS.schema.names())


def _others(openings: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    new = openings.unique("prompt_id", keep="first", maintain_order=True).join(pool, on="prompt_id", how="anti")
    return new.sort("prompt_id").select("prompt_id", "prompt", verifier=pl.lit(""))


def _links(clusters: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    """Each prompt of the pool with the first of its cluster, as a pair."""
    numbers = prompts.select("prompt_id").with_row_index("row")
    named = clusters.select("prompt_id", "cluster_id").join(numbers, on="prompt_id")
    linked = named.join(numbers, left_on="cluster_id", right_on="prompt_id", suffix="_of_first")
    return linked.select("row", earlier_row="row_of_first", similarity=pl.lit(1.0)).cast(PAIRS_SCHEMA)


def _kind() -> pl.Expr:
    """What the pool's prompts were, unless openings joined them; the rest are near-duplicates or single."""
    is_duplicate = pl.col("kind").is_in(["near_duplicate", "semantic_duplicate"])
    return (
        pl.when(pl.len().over("first") == 1)
        .then(pl.lit("single"))
        .when(pl.col("first") == pl.col("row"))
        .then(pl.lit("first"))
        .when(is_duplicate)
        .then("kind")
        .otherwise(pl.lit("near_duplicate"))
    )
