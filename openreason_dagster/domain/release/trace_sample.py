"""The traces of the report: a bounded, repeatable choice of them, and everything that is known about each."""

from collections.abc import Iterator, Mapping

import polars as pl

LONGEST_TEXT = 20_000
"""Characters of a prompt, reasoning or answer that are kept; the rest is counted."""
STRATUM = ("model", "temperature", "verdict")
PROMPT_START = 160
"""Characters of a prompt in the list of traces."""
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


def choose_traces(tables: Mapping[str, pl.LazyFrame], *, size: int) -> pl.DataFrame:
    """At most `size` verified traces for the list, the traces of a prompt together, without reading their texts.

    Columns: trace_id, prompt_id, model, temperature, verdict, sample_index, domain, source, reward_total, and start,
    the first PROMPT_START characters of the prompt; null where the prompt is not in the pool. Strata are model,
    temperature and verdict; they take turns, so that a rare verdict is seen. Within a stratum the smallest trace_ids
    are taken: they are hashes, so the choice is arbitrary, and the same each time.
    """
    chosen = _choose(tables["verified_traces"], size).lazy()
    prompts = tables["prompt_pool"].select(
        "prompt_id", "domain", "source", start=pl.col("prompt").str.head(PROMPT_START)
    )
    listed = (
        chosen.join(tables["verified_traces"].select("trace_id", *STRATUM), on="trace_id")
        .join(tables["sampled_traces"].select("trace_id", "sample_index"), on="trace_id")
        .join(tables["scored_traces"].select("trace_id", "reward_total"), on="trace_id", how="left")
        .join(prompts, on="prompt_id", how="left")
    )
    order = ("source", "prompt_id", "model", "temperature", "sample_index", "trace_id")
    return listed.collect(engine="streaming").sort(order, nulls_last=True)


def trace_details(
    tables: Mapping[str, pl.LazyFrame], chosen: pl.DataFrame, *, rows_at_once: int
) -> Iterator[pl.DataFrame]:
    """Everything about the traces in `chosen` (column trace_id): prompt, sampling record, verdict, rewards, fate.

    Batches come in any order, with the columns of `chosen` too. Texts longer than LONGEST_TEXT characters are cut;
    `<text>_cut` counts what is missing. Texts are joined batch by batch: a lazy join would hold all of them.
    """
    known = _without_texts(tables, chosen)
    ids = chosen["trace_id"].implode()
    texts = tables["sampled_traces"].select(_SAMPLED).filter(pl.col("trace_id").is_in(ids))
    cut = texts.with_columns(_cut_texts("reasoning", "answer"))
    for batch in cut.collect_batches(chunk_size=rows_at_once, engine="streaming"):
        yield batch.join(known, on="trace_id")


def _without_texts(tables: Mapping[str, pl.LazyFrame], chosen: pl.DataFrame) -> pl.DataFrame:
    """What is known of each trace but its reasoning and answer."""
    ids = chosen.select("trace_id").lazy()
    prompts = tables["prompt_pool"].select(_PROMPTS).with_columns(_cut_texts("prompt"))
    return (
        chosen.lazy()
        .select("trace_id", "prompt_id", *sorted(set(chosen.columns) & {"place", "file"}))
        .join(tables["verified_traces"].select(_VERIFIED), on="trace_id")
        .join(tables["scored_traces"].select(_SCORED), on="trace_id", how="left")
        .join(_fates(tables, ids), on="trace_id", how="left")
        .join(prompts, on="prompt_id", how="left")
        .drop("prompt_id")
        .collect(engine="streaming")
    )


def _cut_texts(*names: str) -> list[pl.Expr]:
    missing = [
        (pl.col(name).str.len_chars().cast(pl.Int64) - LONGEST_TEXT).clip(0).alias(f"{name}_cut") for name in names
    ]
    return [*missing, pl.col(names).str.head(LONGEST_TEXT)]


def _choose(verified: pl.LazyFrame, size: int) -> pl.DataFrame:
    """trace_id and prompt_id of the choice: the strata's first, then their second, until `size` are found."""
    keys = pl.struct("trace_id", "prompt_id")
    strata = verified.group_by(STRATUM).agg(keys.bottom_k(size).sort().alias("key")).collect(engine="streaming")
    turns = strata.with_columns(turn=pl.int_ranges(pl.col("key").list.len())).explode("key", "turn")
    return turns.sort("turn", *STRATUM).head(size).select("key").unnest("key")


def _fates(tables: Mapping[str, pl.LazyFrame], ids: pl.LazyFrame) -> pl.LazyFrame:
    """Where each trace ended: a split of the mix, the reasoning data, or the reason it was dropped; trace_id unique."""
    ends = (
        ("sft_mix", pl.format("SFT mix, {}", "split")),
        ("sft_mix_dropped", pl.format("reasoning data; not in the mix: {}", "reason")),
        ("reasoning_data", pl.lit("reasoning data")),
        ("reasoning_data_dropped", pl.format("dropped: {}", "reason")),
    )
    found = [
        tables[name].join(ids, on="trace_id", how="semi").select("trace_id", fate.alias("fate")) for name, fate in ends
    ]
    return pl.concat(found).unique("trace_id", keep="first", maintain_order=True)
