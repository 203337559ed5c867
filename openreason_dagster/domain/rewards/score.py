"""Scoring a batch of traces: every reward of the registry, the total, and the counts behind language consistency."""

import polars as pl

from openreason_dagster.domain.recipe import RewardWeights
from openreason_dagster.domain.rewards.language_consistency import language_counts
from openreason_dagster.domain.rewards.registry import REWARDS
from openreason_dagster.domain.rewards.total import total
from openreason_dagster.domain.schemas import SCORED_TRACES


def score_batch(rows: pl.DataFrame, weights: RewardWeights) -> pl.DataFrame:
    """Rewards of each row, in the schema of `scored_traces` and the order of `rows`.

    `rows` has the columns trace_id, prompt_id, model, temperature, reasoning, answer, think_state, language (of the
    prompt, ISO 639-1) and is_correct; others are ignored.
    """
    counted = rows.hstack(language_counts(rows))
    rewards = pl.DataFrame({f"reward_{name}": reward(counted) for name, reward in REWARDS.items()})
    scored = counted.hstack(rewards).with_columns(total(rewards, weights.model_dump()))
    return scored.select(SCORED_TRACES.schema.names()).cast(SCORED_TRACES.schema)
