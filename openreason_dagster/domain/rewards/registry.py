"""Every reward by name: a pure function of a batch: one number per row, null where it cannot be known."""

from collections.abc import Callable, Mapping

import polars as pl

from openreason_dagster.domain.rewards.accuracy import accuracy
from openreason_dagster.domain.rewards.format import think_format
from openreason_dagster.domain.rewards.language_consistency import language_consistency

REWARDS: Mapping[str, Callable[[pl.DataFrame], pl.Series]] = {
    "accuracy": accuracy,
    "format": think_format,
    "language_consistency": language_consistency,
}
"""Names are those of `recipe.RewardWeights`; the column of a reward is `reward_<name>`."""
