"""Accuracy: whether the answer was verified."""

import polars as pl


def accuracy(rows: pl.DataFrame) -> pl.Series:
    """1 where `is_correct` is true, 0 where it is false, null where the answer was not judged."""
    return rows.get_column("is_correct").cast(pl.Float64).alias("reward_accuracy")
