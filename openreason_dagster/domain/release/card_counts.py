"""The counts a dataset card prints, aggregated from the tables without reading any text."""

from typing import Protocol

import polars as pl

from openreason_dagster.domain.release.card import CardCounts

_DROPPED_TABLES = {
    "prompt_pool_dropped": "prompt_pool",
    "reasoning_data_dropped": "reasoning_data",
    "sft_mix_dropped": "sft_mix",
}


class Scan(Protocol):
    """A lazy view of a table by name."""

    def __call__(self, name: str) -> pl.LazyFrame:
        """The table of that name."""


def card_counts(scan: Scan) -> CardCounts:
    """Aggregate what the card says about the mix in `scan("sft_mix")` and the way to it."""
    mix = scan("sft_mix")
    by_source = mix.group_by("source", "license").len("rows").sort("source").collect()
    verdicts = scan("verified_traces").group_by("verdict").len("traces").sort("traces", descending=True).collect()
    released = mix.select("trace_id")
    versions = scan("verified_traces").join(released, on="trace_id", how="semi").select("verifier_version")
    return CardCounts(
        by_source=by_source,
        by_model=_by_model(scan),
        verdicts=verdicts,
        verifiers=versions.unique().sort("verifier_version").collect()["verifier_version"].to_list(),
        left_out=_left_out(scan),
    )


def _by_model(scan: Scan) -> pl.DataFrame:
    keys = ["model", "temperature"]
    sampled = scan("sampled_traces").group_by(keys).len("sampled")
    correct = scan("verified_traces").filter(pl.col("verdict") == "correct").group_by(keys).len("correct")
    rows = scan("sft_mix").group_by(keys).len("rows")
    joined = sampled.join(correct, on=keys, how="left").join(rows, on=keys, how="left")
    return joined.with_columns(pl.col("correct", "rows").fill_null(0)).sort(keys).collect()


def _left_out(scan: Scan) -> pl.DataFrame:
    parts = [
        scan(table).group_by("reason").len("rows").select(pl.lit(stage).alias("stage"), "reason", "rows")
        for table, stage in _DROPPED_TABLES.items()
    ]
    return pl.concat(parts).sort("stage", "rows", "reason", descending=[False, True, False]).collect()
