"""Format: whether the reasoning stands in one think block with an answer after it."""

import polars as pl

from openreason_dagster.domain.records import ThinkState

CLOSED_STATES = (ThinkState.OPENED_BY_TEMPLATE, ThinkState.OPENED_BY_MODEL, ThinkState.SEPARATE)
THINK_TAG = r"(?i)</?think>"


def think_format(rows: pl.DataFrame) -> pl.Series:
    """1 where one closed think block holds text and text follows it, else 0.

    A think tag left inside the reasoning or the answer means a second block or a stray tag, so 0. Needs the columns
    `reasoning`, `answer` and `think_state`.
    """
    reasoning, answer = pl.col("reasoning"), pl.col("answer")
    has_both = (reasoning.str.strip_chars() != "") & (answer.str.strip_chars() != "")
    has_one_block = ~reasoning.str.contains(THINK_TAG) & ~answer.str.contains(THINK_TAG)
    is_closed = pl.col("think_state").is_in([state.value for state in CLOSED_STATES])
    return rows.select((is_closed & has_both & has_one_block).cast(pl.Float64).alias("reward_format")).to_series()
