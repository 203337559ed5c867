"""Buckets that rows are counted and spread by: difficulty and topic of the prompt, and length of the trace."""

import polars as pl

LENGTHS = (1_000, 2_000, 4_000, 8_000, 16_000)
"""Tokens at which a new bucket of lengths begins."""
LENGTH_NAMES = ("below 1k", "1k to 2k", "2k to 4k", "4k to 8k", "8k to 16k", "from 16k")


def difficulty_band() -> pl.Expr:
    """Band of the share of `judged` traces that are `correct`; `unknown` where none was judged."""
    share = pl.col("correct") / pl.col("judged")
    return (
        pl.when(pl.col("judged") == 0)
        .then(pl.lit("unknown"))
        .when(pl.col("correct") == 0)
        .then(pl.lit("unsolved"))
        .when(share <= 0.25)
        .then(pl.lit("hard"))
        .when(share <= 0.75)
        .then(pl.lit("medium"))
        .when(share < 1)
        .then(pl.lit("easy"))
        .otherwise(pl.lit("solved"))
    )


def length_bucket() -> pl.Expr:
    """Bucket of `completion_tokens`; `unknown` where they are not known."""
    tokens, limits = pl.col("completion_tokens"), zip(LENGTHS, LENGTH_NAMES[:-1], strict=True)
    names = [pl.when(tokens < least).then(pl.lit(name)) for least, name in limits]
    known = pl.coalesce(*names, pl.lit(LENGTH_NAMES[-1]))
    return pl.when(tokens.is_null()).then(pl.lit("unknown")).otherwise(known)


def with_buckets(rows: pl.LazyFrame, statistics: pl.LazyFrame) -> pl.LazyFrame:
    """`rows`, which have prompt_id and completion_tokens, with the columns difficulty and length.

    The difficulty is that of the prompt over all models and temperatures of `statistics` (see prompt_statistics).
    """
    counts = statistics.group_by("prompt_id").agg(pl.col("correct", "judged").sum())
    bands = counts.select("prompt_id", difficulty=difficulty_band())
    joined = rows.join(bands, on="prompt_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("difficulty").fill_null("unknown"), length=length_bucket())


def known_topic() -> pl.Expr:
    """The column topic, or source where it is null: what a source has in common is the best guess there is."""
    return pl.coalesce("topic", "source")


def with_topic(rows: pl.LazyFrame, pool: pl.LazyFrame) -> pl.LazyFrame:
    """`rows`, which have prompt_id and source, with the prompt's topic in the pool as `known_topic` gives it."""
    topics = pool.select("prompt_id", "topic")
    joined = rows.join(topics, on="prompt_id", how="left", maintain_order="left")
    return joined.with_columns(known_topic())
