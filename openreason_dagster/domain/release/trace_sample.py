"""A bounded, repeatable sample of traces to read, with everything that is known about each."""

from collections.abc import Mapping

import polars as pl

LONGEST_TEXT = 20_000
"""Characters of a prompt, reasoning or answer that are kept; the rest is counted."""
TEXTS = ("prompt", "reasoning", "answer")
STRATUM = ("model", "temperature", "verdict")
_SAMPLED = (
    "trace_id", "prompt_id", "model", "temperature", "sample_index", "fingerprint", "reasoning", "answer",
    "think_state", "finish_reason", "prompt_tokens", "completion_tokens", "seed", "attempts", "sampling_record",
    "environment", "run_id", "sampled_at",
)  # fmt: skip
_VERIFIED = ("trace_id", "verdict", "extracted_answer", "reference_answer", "method", "message", "verifier_version")
_SCORED = (
    "trace_id", "reward_accuracy", "reward_format", "reward_language_consistency", "reward_total",
    "dominant_language", "reasoning_words",
)  # fmt: skip
_PROMPTS = ("prompt_id", "prompt", "domain", "language", "source", "source_row_id", "license")


def sample_traces(tables: Mapping[str, pl.LazyFrame], *, size: int) -> pl.DataFrame:
    """At most `size` verified traces with prompt, sampling record, verdict, rewards and fate, ordered by stratum.

    Strata are model, temperature and verdict; they take turns, so that a rare verdict is seen. Within a stratum the
    smallest trace_ids are taken: they are hashes, so the choice is arbitrary, and the same each time. Texts longer than
    LONGEST_TEXT characters are cut; `<text>_cut` counts what is missing.
    """
    chosen = _choose(tables["verified_traces"], size)
    ids = chosen.get_column("trace_id").implode()
    prompt_ids = chosen.get_column("prompt_id").implode()
    prompts = _rows(tables["prompt_pool"], _PROMPTS, key="prompt_id", ids=prompt_ids)
    return (
        _rows(tables["sampled_traces"], _SAMPLED, key="trace_id", ids=ids)
        .join(_rows(tables["verified_traces"], _VERIFIED, key="trace_id", ids=ids), on="trace_id")
        .join(_rows(tables["scored_traces"], _SCORED, key="trace_id", ids=ids), on="trace_id", how="left")
        .join(prompts, on="prompt_id", how="left")
        .join(_fates(tables, ids), on="trace_id", how="left")
        .with_columns(pl.col(TEXTS).str.len_chars().cast(pl.Int64).sub(LONGEST_TEXT).clip(0).name.suffix("_cut"))
        .with_columns(pl.col(TEXTS).str.head(LONGEST_TEXT))
        .sort(*STRATUM, "trace_id")
    )


def _choose(verified: pl.LazyFrame, size: int) -> pl.DataFrame:
    """trace_id and prompt_id of the sample: the strata's first, then their second, until `size` are found."""
    keys = pl.struct("trace_id", "prompt_id")
    strata = verified.group_by(STRATUM).agg(keys.bottom_k(size).sort().alias("key")).collect(engine="streaming")
    turns = strata.with_columns(turn=pl.int_ranges(pl.col("key").list.len())).explode("key", "turn")
    return turns.sort("turn", *STRATUM).head(size).unnest("key")


def _rows(table: pl.LazyFrame, columns: tuple[str, ...], *, key: str, ids: pl.Series) -> pl.DataFrame:
    return table.select(columns).filter(pl.col(key).is_in(ids)).collect(engine="streaming")


def _fates(tables: Mapping[str, pl.LazyFrame], ids: pl.Series) -> pl.DataFrame:
    """Where each trace ended: a split of the mix, the reasoning data, or the reason it was dropped; trace_id unique."""
    ends = (
        ("sft_mix", pl.format("SFT mix, {}", "split")),
        ("sft_mix_dropped", pl.format("reasoning data; not in the mix: {}", "reason")),
        ("reasoning_data", pl.lit("reasoning data")),
        ("reasoning_data_dropped", pl.format("dropped: {}", "reason")),
    )
    found = [
        tables[name].filter(pl.col("trace_id").is_in(ids)).select("trace_id", fate.alias("fate")) for name, fate in ends
    ]
    return pl.concat(found).collect(engine="streaming").unique("trace_id", keep="first", maintain_order=True)
