"""The way of one row through the tables: from a seed to the releases it is in, or to the reason why it is in none."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openreason_dagster.domain.errors import TableError
from openreason_dagster.resources.lineage_rows import Row, kept_or_dropped, one_row, row_starting_with, written_about
from openreason_dagster.resources.released_places import identifier_of_row, released_places
from openreason_dagster.resources.tables import Tables


@dataclass(frozen=True, kw_only=True)
class TraceChain:
    """From a trace back to its seed and on to where it is used; a stage that has not seen it is None."""

    sampled: Row
    seed: Row | None
    pool: Row | None
    """The pool's row, or the one that says why the prompt was kept out."""
    verdict: Row | None
    judge: Row | None
    """What a judge model said, where one was asked."""
    suspicion: Row | None
    """The row of its prompt in suspect_references; most prompts have none."""
    replaced: Row | None
    """Its verdict against the majority answer, where that took the reference's place."""
    rewards: Row | None
    statistics: Row | None
    written: Sequence[Row]
    """How a writer was asked to rewrite it."""
    data_sets: Mapping[str, Row | None]
    """Per data set the row it is, or the row that says why it was left out."""
    releases: list[str]
    """Files and rows, as `FILE:ROW`, that hold it, what was rewritten of it, or a pair that it is in."""


@dataclass(frozen=True, kw_only=True)
class PromptChain:
    """A prompt with everything that was made of it."""

    seed: Row
    pool: Row | None
    data_sets: Mapping[str, Row | None]
    """Data sets of prompts alone."""
    pairs: pl.DataFrame
    """pair_id, method, split, chosen_trace_id, rejected_trace_id, of each of its preference pairs."""
    traces: pl.DataFrame
    """trace_id, model, temperature, sample_index, verdict, of each of its traces."""
    releases: list[str]
    """Files and rows, as `FILE:ROW`, that hold the prompt itself."""


@dataclass(frozen=True, kw_only=True)
class PairChain:
    """Two answers to a prompt, of which one is better."""

    pair: Row
    seed: Row | None
    """The prompt's row; None where the prompt is a conversation's."""
    pool: Row | None
    conversation: Row | None
    """The conversation that the prompt was taken from, where it is no seed."""
    votes: Row | None
    """What a judge said of the two, where one was asked."""
    releases: list[str]
    """Files and rows, as `FILE:ROW`, that hold it."""


@dataclass(frozen=True, kw_only=True)
class ConversationChain:
    """A row that comes from no sampled trace: a conversation taken over, or an answer after thinking."""

    seed: Row | None
    """The prompt's row; None where the prompt is a conversation's."""
    written: Sequence[Row]
    """How a writer was asked for it."""
    messages: Sequence[Mapping[str, object]]
    """role and content of its turns."""
    data_sets: Mapping[str, Row | None]
    """From where it was read or written to the mix."""
    releases: list[str]
    """Files and rows, as `FILE:ROW`, that hold it, or a pair that it is in."""


Chain = TraceChain | PromptChain | PairChain | ConversationChain


def find_row(tables: Tables, row: str, *, releases: Path) -> Chain:
    """Follow a trace_id, pair_id or prompt_id, perhaps cut, or the row of a file, written `FILE:ROW` from 0.

    A row of the cold start leads to the trace that was rewritten.

    Raises:
        TableError: nothing, or several rows, are meant.
    """
    file = re.fullmatch(r"(?P<path>.+):(?P<number>\d+)", row, re.DOTALL)
    start = row if file is None else identifier_of_row(Path(file["path"]), int(file["number"]))
    if not start or not start.isalnum():
        raise TableError(
            f"{row!r} is not a trace_id; expected the start of a 32-digit hash, e.g. from `openreason query`, or a "
            "row of a released file, e.g. data/train-00000-of-00001.parquet:0."
        )
    chain = _chain(tables, start, releases)
    if chain is None:
        raise TableError(
            f"no trace starts with {start!r}, and no prompt, pair or conversation does. The table sampled_traces lists "
            "the traces, seed_prompts the prompts, for example with `openreason query`."
        )
    return chain


def _chain(tables: Tables, start: str, releases: Path) -> Chain | None:
    rewritten = row_starting_with(tables, "cold_start_data", "trace_id", start=start)
    trace_start = start if rewritten is None else str(rewritten["source_trace_id"])
    trace = row_starting_with(tables, "sampled_traces", "trace_id", start=trace_start)
    if trace is not None:
        return _trace_chain(tables, trace, releases=releases)
    seed = row_starting_with(tables, "seed_prompts", "prompt_id", start=start)
    if seed is not None:
        return _prompt_chain(tables, seed, releases=releases)
    pair = row_starting_with(tables, "preference_pairs", "pair_id", start=start)
    if pair is not None:
        return _pair_chain(tables, pair, releases=releases)
    for origin, key in (("cot_prompted_traces", "trace_id"), ("chat_sft_data", "conversation_id")):
        found = row_starting_with(tables, origin, key, start=start)
        if found is not None:
            return _conversation_chain(tables, origin, found | {"trace_id": found[key]}, releases=releases)
    return None


def _trace_chain(tables: Tables, sampled: Row, *, releases: Path) -> TraceChain:
    partition = {"model": str(sampled["model"]), "temperature": str(sampled["temperature"])}
    trace_id = str(sampled["trace_id"])
    rewritten = one_row(tables, "cold_start_data", "source_trace_id", {"source_trace_id": trace_id})
    return TraceChain(
        sampled=sampled,
        seed=one_row(tables, "seed_prompts", "prompt_id", sampled),
        pool=kept_or_dropped(tables, "prompt_pool", "prompt_id", sampled),
        verdict=one_row(tables, "verified_traces", "trace_id", sampled),
        judge=one_row(tables, "judge_verdicts", "trace_id", sampled),
        suspicion=one_row(tables, "suspect_references", "prompt_id", sampled),
        replaced=one_row(tables, "replaced_verdicts", "trace_id", sampled),
        rewards=one_row(tables, "scored_traces", "trace_id", sampled),
        statistics=one_row(tables, "prompt_statistics", "prompt_id", sampled, **partition),
        written=written_about(tables, trace_id),
        data_sets=_data_sets_of_trace(tables, trace_id, rewritten),
        releases=_places(releases, trace_id, *([] if rewritten is None else [str(rewritten["trace_id"])])),
    )


def _prompt_chain(tables: Tables, seed: Row, *, releases: Path) -> PromptChain:
    of_prompt = pl.col("prompt_id") == seed["prompt_id"]
    verdicts = tables.scan("verified_traces").select("trace_id", "verdict")
    columns = ("trace_id", "model", "temperature", "sample_index")
    traces = tables.scan("sampled_traces").filter(of_prompt).select(columns)
    pairs = tables.scan("preference_pairs").filter(of_prompt)
    return PromptChain(
        seed=seed,
        pool=kept_or_dropped(tables, "prompt_pool", "prompt_id", seed),
        data_sets={
            "rl_prompts": kept_or_dropped(tables, "rl_prompts", "prompt_id", seed),
            **_present({"preference_pairs": one_row(tables, "preference_pairs_dropped", "prompt_id", seed)}),
        },
        pairs=pairs.select("pair_id", "method", "split", "chosen_trace_id", "rejected_trace_id")
        .sort(pl.all())
        .collect(),
        traces=traces.join(verdicts, on="trace_id", how="left").sort(columns[1:]).collect(),
        releases=released_places(releases, {"prompt_id": [str(seed["prompt_id"])]}),
    )


def _pair_chain(tables: Tables, pair: Row, *, releases: Path) -> PairChain:
    seed = one_row(tables, "seed_prompts", "prompt_id", pair)
    return PairChain(
        pair=pair,
        seed=seed,
        pool=None if seed is None else kept_or_dropped(tables, "prompt_pool", "prompt_id", pair),
        conversation=one_row(tables, "chat_sft_data", "prompt_id", pair) if seed is None else None,
        votes=one_row(tables, "preference_votes", "pair_id", pair),
        releases=released_places(releases, {"pair_id": [str(pair["pair_id"])]}),
    )


def _conversation_chain(tables: Tables, origin: str, row: Row, *, releases: Path) -> ConversationChain:
    """`row` is that of the table it was read or written into, with its identifier as trace_id."""
    mixed = kept_or_dropped(tables, "sft_mix", "trace_id", row)
    is_written = origin == "cot_prompted_traces"
    opened = one_row(tables, "chat_sft_data", "prompt_id", row) if is_written else None
    return ConversationChain(
        seed=one_row(tables, "seed_prompts", "prompt_id", row) if is_written else None,
        written=written_about(tables, row["prompt_id"]) if is_written else (),
        messages=_turns(row),
        data_sets={
            **_present({"chat_sft_data, whose prompt it answers": opened}),
            origin: row,
            "non_reasoning_data": kept_or_dropped(tables, "non_reasoning_data", "trace_id", row),
            "sft_mix": mixed,
            **_learnt_from(tables, str(row["trace_id"])),
        },
        releases=_places(releases, str(row["trace_id"])),
    )


def _turns(row: Row) -> Sequence[Mapping[str, object]]:
    messages = row.get("messages")
    if isinstance(messages, list):
        return messages
    thought = f"<think>\n{row['reasoning']}\n</think>\n\n{row['answer']}"
    return [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": thought}]


def _data_sets_of_trace(tables: Tables, trace_id: str, rewritten: Row | None) -> dict[str, Row | None]:
    """Per data set the row that a trace became, or the row that says why not."""
    row: Row = {"trace_id": trace_id}
    found = {
        "reasoning_data": kept_or_dropped(tables, "reasoning_data", "trace_id", row),
        "cold_start_data": rewritten or one_row(tables, "cold_start_data_dropped", "trace_id", row),
        "sft_mix": kept_or_dropped(tables, "sft_mix", "trace_id", row),
    }
    if rewritten is not None:
        found["sft_mix, rewritten"] = kept_or_dropped(tables, "sft_mix", "trace_id", rewritten)
    return found | _learnt_from(tables, trace_id)


def _learnt_from(tables: Tables, trace_id: str) -> dict[str, Row | None]:
    """The preference pairs that an answer is in, its safety label and its scores, if there are any."""
    found: dict[str, Row | None] = {}
    label = one_row(tables, "safety_set", "trace_id", {"trace_id": trace_id})
    if label is not None:
        found["safety_set"] = {name: label[name] for name in ("label", "why", "judge_model", "split")}
    for side in ("chosen", "rejected"):
        key = f"{side}_trace_id"
        pair = one_row(tables, "preference_pairs", key, {key: trace_id})
        if pair is not None:
            found[f"preference_pairs, {side}"] = {name: pair[name] for name in ("pair_id", "method", "split")}
    scores = tables.scan("model_rewards").filter(pl.col("trace_id") == trace_id).sort("reward", "fingerprint")
    for score in scores.collect().iter_rows(named=True):
        found[f"model_rewards, {score['reward']} {score['fingerprint'][:8]}"] = score
    return found


def _present(rows: Mapping[str, Row | None]) -> dict[str, Row | None]:
    return {name: row for name, row in rows.items() if row is not None}


def _places(releases: Path, *trace_ids: str) -> list[str]:
    sides = ("trace_id", "chosen_trace_id", "rejected_trace_id")
    return released_places(releases, dict.fromkeys(sides, trace_ids))
