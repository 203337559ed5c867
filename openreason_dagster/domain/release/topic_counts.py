"""What the prompts of the pool are about, and how many rows of the mix were made of them."""

from collections.abc import Mapping

import polars as pl

MOST_TOPICS = 20
UNKNOWN = "unknown"


def topic_counts(tables: Mapping[str, pl.LazyFrame], *, most: int = MOST_TOPICS) -> pl.DataFrame:
    """topic, prompts of the pool, rows of the mix: the largest topics by name, then the others as one; largest first.

    Conversations taken over have no prompt in the pool and are not counted. Empty where no topic is known.
    """
    pool = tables["prompt_pool"].select("prompt_id", "topic")
    mixed = tables["sft_mix"].group_by("prompt_id").agg(rows=pl.len())
    sums = pl.len().cast(pl.Int64).alias("prompts"), pl.col("rows").sum().cast(pl.Int64)
    counts = pool.join(mixed, on="prompt_id", how="left").group_by("topic").agg(*sums).collect(engine="streaming")
    if counts["topic"].is_null().all():
        return counts.clear()
    ordered = counts.sort("prompts", "topic", descending=[True, False])
    named = ordered.drop_nulls("topic")
    rest = named.slice(most).select(
        pl.format("{} others", pl.len()).alias("topic"), pl.col("prompts").sum(), pl.col("rows").sum()
    )
    unknown = ordered.filter(pl.col("topic").is_null()).with_columns(topic=pl.lit(UNKNOWN))
    return pl.concat([named.head(most), rest.filter(pl.col("prompts") > 0), unknown])
