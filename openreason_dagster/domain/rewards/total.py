"""The total: the recipe's weighted sum of the rewards."""

from collections.abc import Mapping

import polars as pl


def total(rewards: pl.DataFrame, weights: Mapping[str, float]) -> pl.Series:
    """Weighted sum of the columns `reward_<name>`; null where the accuracy is null.

    A language consistency that could not be measured counts as 1: where no word was found in another language, nothing
    is held against the trace.
    """
    known = rewards.with_columns(pl.col("reward_language_consistency").fill_null(1.0))
    terms = [pl.col(f"reward_{name}") * weight for name, weight in weights.items()]
    unless_unjudged = pl.when(pl.col("reward_accuracy").is_not_null())
    return known.select(unless_unjudged.then(pl.sum_horizontal(terms)).alias("reward_total")).to_series()
