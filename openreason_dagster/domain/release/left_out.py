"""What every stage left out, by reason: counts that the report and the data set card show."""

from collections.abc import Mapping

import polars as pl

LEFT_OUT = {
    "seed_prompts_dropped": ("seed_prompts", "Source rows that are no seed prompt", "reason"),
    "prompt_pool_dropped": ("prompt_pool", "Seed prompts kept out of the pool", "reason"),
    "sampling_failures": ("sampled_traces", "Requests without a completion", "error"),
    "reasoning_data_dropped": ("reasoning_data", "Traces left out by rejection sampling", "reason"),
    "cold_start_data_dropped": ("cold_start_data", "Correct traces that are no cold-start data", "reason"),
    "chat_sft_data_dropped": ("chat_sft_data", "Rows of chat sources left out", "reason"),
    "cot_prompted_traces_dropped": ("cot_prompted_traces", "Prompts without a prompted chain of thought", "reason"),
    "non_reasoning_data_dropped": ("non_reasoning_data", "Further answers to non-reasoning prompts", "reason"),
    "sft_mix_dropped": ("sft_mix", "Rows left out of the mix", "reason"),
    "rl_prompts_dropped": ("rl_prompts", "Prompts of the pool that are no RL prompts", "reason"),
    "preference_pairs_dropped": ("preference_pairs", "Prompts of the pool without a preference pair", "reason"),
    "preference_votes": ("preference_pairs", "Pairs of answers that a judge's votes did not decide", "reason"),
    "safety_set_dropped": ("safety_set", "Responses that were not labelled for safety", "reason"),
}
"""Table of what was set aside → the stage, what the rows are, and the column with the cause, null for what stayed."""


def left_out(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Columns stage, what, reason, rows: by stage in the order of the pipeline, the most frequent reason first."""
    parts = [
        tables[name]
        .filter(pl.col(cause).is_not_null())
        .group_by(reason=pl.col(cause))
        .agg(rows=pl.len())
        .select(pl.lit(stage).alias("stage"), pl.lit(what).alias("what"), "reason", "rows")
        .collect(engine="streaming")
        .sort("rows", "reason", descending=[True, False])
        for name, (stage, what, cause) in LEFT_OUT.items()
    ]
    return pl.concat(parts)
