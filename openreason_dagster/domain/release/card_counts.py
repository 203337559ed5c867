"""The counts a dataset card prints, aggregated from the tables without reading any text."""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.release.card import CardCounts
from openreason_dagster.domain.release.doubted_references import doubted_counts
from openreason_dagster.domain.verification.canaries import error_rates

_DROPPED_TABLES = {
    "seed_prompts_dropped": ("seed_prompts", "reason"),
    "prompt_pool_dropped": ("prompt_pool", "reason"),
    "sampling_failures": ("sampled_traces", "error"),
    "reasoning_data_dropped": ("reasoning_data", "reason"),
    "cold_start_data_dropped": ("cold_start_data", "reason"),
    "chat_sft_data_dropped": ("chat_sft_data", "reason"),
    "cot_prompted_traces_dropped": ("cot_prompted_traces", "reason"),
    "non_reasoning_data_dropped": ("non_reasoning_data", "reason"),
    "sft_mix_dropped": ("sft_mix", "reason"),
    "rl_prompts_dropped": ("rl_prompts", "reason"),
    "preference_pairs_dropped": ("preference_pairs", "reason"),
}
"""Table of what was set aside → the stage, and the column with the cause."""


def card_counts(tables: Mapping[str, pl.LazyFrame]) -> CardCounts:
    """Aggregate what the card says about the mix in `tables["sft_mix"]` and the way to it."""
    mix = tables["sft_mix"]
    by_source = mix.group_by("source", "license").len("rows").sort("source").collect()
    verdicts = tables["verified_traces"].group_by("verdict").len("traces").sort("traces", descending=True).collect()
    released = mix.select("trace_id")
    versions = tables["verified_traces"].join(released, on="trace_id", how="semi").select("verifier_version")
    return CardCounts(
        by_source=by_source,
        by_model=counts_by_model(tables),
        verdicts=verdicts,
        verifiers=versions.unique().sort("verifier_version").collect()["verifier_version"].to_list(),
        verifier_errors=error_rates(tables["verification_canaries"]),
        doubted=doubted_counts(tables),
        left_out=_left_out(tables),
    )


def counts_by_model(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Per model and temperature: traces sampled, correct, and rows in the mix."""
    keys = ["model", "temperature"]
    sampled = tables["sampled_traces"].group_by(keys).len("sampled")
    correct = tables["verified_traces"].filter(pl.col("verdict") == "correct").group_by(keys).len("correct")
    rows = tables["sft_mix"].group_by(keys).len("rows")
    joined = sampled.join(correct, on=keys, how="left").join(rows, on=keys, how="left")
    return joined.with_columns(pl.col("correct", "rows").fill_null(0)).sort(keys).collect()


def _left_out(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    parts = [
        tables[table].group_by(reason=cause).len("rows").select(pl.lit(stage).alias("stage"), "reason", "rows")
        for table, (stage, cause) in _DROPPED_TABLES.items()
    ]
    return pl.concat(parts).sort("stage", "rows", "reason", descending=[False, True, False]).collect()
