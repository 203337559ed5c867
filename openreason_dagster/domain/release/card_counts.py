"""The counts a dataset card prints, aggregated from the tables without reading any text."""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.datasets.non_reasoning_data import NOT_SAMPLED
from openreason_dagster.domain.release.card import CardCounts
from openreason_dagster.domain.release.doubted_references import doubted_counts
from openreason_dagster.domain.release.left_out import left_out
from openreason_dagster.domain.verification.canaries import error_rates


def card_counts(tables: Mapping[str, pl.LazyFrame]) -> CardCounts:
    """Aggregate what the card says about the mix in `tables["sft_mix"]` and the way to it."""
    mix = tables["sft_mix"]
    by_source = mix.group_by("source", "license").len("rows").sort("source").collect()
    verdicts = tables["verified_traces"].group_by("verdict").len("traces").sort("traces", descending=True).collect()
    released = mix.select("trace_id")
    versions = tables["verified_traces"].join(released, on="trace_id", how="semi").select("verifier_version")
    return CardCounts(
        by_source=by_source,
        by_component=mix.group_by("component").len("rows").sort("component").collect(),
        languages=mix.select("language").unique().sort("language").collect()["language"].to_list(),
        models=_models(tables),
        by_model=counts_by_model(tables),
        verdicts=verdicts,
        verifiers=versions.unique().sort("verifier_version").collect()["verifier_version"].to_list(),
        verifier_errors=error_rates(tables["verification_canaries"]),
        doubted=doubted_counts(tables),
        left_out=left_out(tables),
    )


def counts_by_model(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Per model and temperature: traces sampled, correct, and rows in the mix."""
    keys = ["model", "temperature"]
    sampled = tables["sampled_traces"].group_by(keys).len("sampled")
    correct = tables["verified_traces"].filter(pl.col("verdict") == "correct").group_by(keys).len("correct")
    rows = tables["sft_mix"].group_by(keys).len("rows")
    joined = sampled.join(correct, on=keys, how="left").join(rows, on=keys, how="left")
    return joined.with_columns(pl.col("correct", "rows").fill_null(0)).sort(keys).collect()


def _models(tables: Mapping[str, pl.LazyFrame]) -> list[str]:
    """Catalogue names of the models that sampled or wrote a row of the mix."""
    mix = tables["sft_mix"]
    rewritten = mix.filter(component="cold_start_data").select("trace_id")
    writers = tables["cold_start_data"].join(rewritten, on="trace_id", how="semi").select(model="writer")
    named = pl.concat([mix.select("model"), writers]).filter(pl.col("model") != NOT_SAMPLED)
    return named.unique().sort("model").collect()["model"].to_list()
