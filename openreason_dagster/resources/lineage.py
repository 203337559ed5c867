"""The way of one row through the tables: from a seed to the releases it is in, or to the reason why it is in none."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.row_files.read_rows import read_rows
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.tables import Tables

Row = dict[str, object]
_DROPPED = "_dropped"


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
    data_sets: Mapping[str, Row | None]
    """Per data set the row it is, or the row that says why it was left out."""
    releases: list[str]
    """Files and rows, as `FILE:ROW`, that hold it."""


@dataclass(frozen=True, kw_only=True)
class PromptChain:
    """A prompt with everything that was made of it."""

    seed: Row
    pool: Row | None
    data_sets: Mapping[str, Row | None]
    """Data sets of prompts alone."""
    traces: pl.DataFrame
    """trace_id, model, temperature, sample_index, verdict, of each of its traces."""


@dataclass(frozen=True, kw_only=True)
class ConversationChain:
    """A row of the mix that comes from no sampled trace: a conversation taken over, or an answer after thinking."""

    data_sets: Mapping[str, Row | None]
    """From where it was read or written to the mix."""
    releases: list[str]
    """Files and rows, as `FILE:ROW`, that hold it."""


Chain = TraceChain | PromptChain | ConversationChain


def find_row(tables: Tables, row: str, *, releases: Path) -> Chain:
    """Follow a trace_id or prompt_id, perhaps cut, or the row of a file with a trace_id, written `FILE:ROW` from 0.

    A row of the cold start leads to the trace that was rewritten.

    Raises:
        TableError: nothing, or several rows, are meant.
    """
    identifier = _identifier_in_file(row) or row
    if not identifier or not identifier.isalnum():
        raise TableError(
            f"{row!r} is not a trace_id; expected the start of a 32-digit hash, e.g. from `openreason query`, or a "
            "row of a released file, e.g. data/train-00000-of-00001.parquet:0."
        )
    rewritten = _starting_with(tables, "cold_start_data", "trace_id", start=identifier)
    start = identifier if rewritten is None else str(rewritten["source_trace_id"])
    trace = _starting_with(tables, "sampled_traces", "trace_id", start=start)
    if trace is not None:
        return _trace_chain(tables, trace, releases=releases)
    seed = _starting_with(tables, "seed_prompts", "prompt_id", start=identifier)
    if seed is not None:
        return _prompt_chain(tables, seed)
    conversation = _starting_with(tables, "non_reasoning_data", "trace_id", start=identifier)
    if conversation is not None:
        return _conversation_chain(tables, conversation, releases=releases)
    raise TableError(
        f"no trace starts with {identifier!r}, and no prompt does. The table sampled_traces lists the traces, "
        "seed_prompts the prompts, for example with `openreason query`."
    )


def _identifier_in_file(row: str) -> str | None:
    """trace_id, or else prompt_id, of the row `FILE:ROW`; None if that is not what `row` is."""
    match = re.fullmatch(r"(?P<file>.+):(?P<number>\d+)", row, re.DOTALL)
    if match is None:
        return None
    path, number = Path(match["file"]), int(match["number"])
    if not path.is_file():
        raise TableError(f"the file {match['file']!r} does not exist; give a file of a release and a row, from 0.")
    found = _row_of_file(path, number)
    if found is None:
        raise TableError(f"{match['file']!r} has no row {number}; rows are counted from 0.")
    identifier = found.get("trace_id") or found.get("prompt_id")
    if not identifier:
        raise TableError(f"{match['file']!r} has neither the column trace_id nor prompt_id; found {', '.join(found)}.")
    return str(identifier)


def _row_of_file(path: Path, number: int) -> Row | None:
    if path.suffix == ".parquet":
        with _explaining_damage(path):
            frame = pl.scan_parquet(path)
            wanted = [name for name in frame.collect_schema().names() if name in ("trace_id", "prompt_id")]
            rows = frame.select(wanted or pl.all()).slice(number, 1).collect()
        return None if rows.is_empty() else rows.row(0, named=True)
    found = next(islice(read_rows(path, where="show"), number, None), None)
    return found if isinstance(found, dict) else None


@contextmanager
def _explaining_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableError(
            f"the file {str(path)!r} is not a whole Parquet file ({error}). Fetch or write it again."
        ) from error


def _starting_with(tables: Tables, name: str, key: str, *, start: str) -> Row | None:
    """The one row of a table whose key starts like that; None if there is none, TableError if there are several."""
    found = tables.scan(name).filter(pl.col(key).str.starts_with(start)).unique(key).head(2).collect()
    if found.height > 1:
        kind = key.removesuffix("_id")
        raise TableError(f"several {kind}s start with {start!r}. Give more digits; the table {name} lists them.")
    return None if found.is_empty() else found.row(0, named=True)


def _trace_chain(tables: Tables, sampled: Row, *, releases: Path) -> TraceChain:
    partition = {"model": str(sampled["model"]), "temperature": str(sampled["temperature"])}
    return TraceChain(
        sampled=sampled,
        seed=_one(tables, "seed_prompts", "prompt_id", sampled),
        pool=_kept_or_dropped(tables, "prompt_pool", "prompt_id", sampled),
        verdict=_one(tables, "verified_traces", "trace_id", sampled),
        judge=_one(tables, "judge_verdicts", "trace_id", sampled),
        suspicion=_one(tables, "suspect_references", "prompt_id", sampled),
        replaced=_one(tables, "replaced_verdicts", "trace_id", sampled),
        rewards=_one(tables, "scored_traces", "trace_id", sampled),
        statistics=_one(tables, "prompt_statistics", "prompt_id", sampled, **partition),
        data_sets=_data_sets_of_trace(tables, str(sampled["trace_id"])),
        releases=_released_rows(releases, str(sampled["trace_id"])),
    )


def _prompt_chain(tables: Tables, seed: Row) -> PromptChain:
    traces = tables.scan("sampled_traces").filter(pl.col("prompt_id") == seed["prompt_id"])
    verdicts = tables.scan("verified_traces").select("trace_id", "verdict")
    columns = ("trace_id", "model", "temperature", "sample_index")
    listed = traces.select(columns).join(verdicts, on="trace_id", how="left").sort(columns[1:]).collect()
    return PromptChain(
        seed=seed,
        pool=_kept_or_dropped(tables, "prompt_pool", "prompt_id", seed),
        data_sets={
            name: _kept_or_dropped(tables, name, "prompt_id", seed) for name in ("rl_prompts", "preference_pairs")
        },
        traces=listed,
    )


def _conversation_chain(tables: Tables, row: Row, *, releases: Path) -> ConversationChain:
    origin, trace_id = str(row["origin"]), str(row["trace_id"])
    key = "conversation_id" if origin == "chat_sft_data" else "trace_id"
    return ConversationChain(
        data_sets={
            origin: _one(tables, origin, key, {key: trace_id}),
            "non_reasoning_data": row,
            "sft_mix": _kept_or_dropped(tables, "sft_mix", "trace_id", row),
            **_learnt_from(tables, trace_id),
        },
        releases=_released_rows(releases, trace_id),
    )


def _data_sets_of_trace(tables: Tables, trace_id: str) -> dict[str, Row | None]:
    """Per data set the row that a trace became, or the row that says why not."""
    row: Row = {"trace_id": trace_id, "source_trace_id": trace_id}
    rewritten = _one(tables, "cold_start_data", "source_trace_id", row)
    found = {
        "reasoning_data": _kept_or_dropped(tables, "reasoning_data", "trace_id", row),
        "cold_start_data": rewritten or _one(tables, "cold_start_data_dropped", "trace_id", row),
        "sft_mix": _kept_or_dropped(tables, "sft_mix", "trace_id", row),
    }
    if rewritten is not None:
        found["sft_mix, rewritten"] = _kept_or_dropped(tables, "sft_mix", "trace_id", rewritten)
    return found | _learnt_from(tables, trace_id)


def _learnt_from(tables: Tables, trace_id: str) -> dict[str, Row | None]:
    """The preference pairs that an answer is in and its safety label, if there are any."""
    found: dict[str, Row | None] = {}
    label = _one(tables, "safety_set", "trace_id", {"trace_id": trace_id})
    if label is not None:
        found["safety_set"] = {name: label[name] for name in ("label", "reason", "judge_model", "split")}
    for side in ("chosen", "rejected"):
        key = f"{side}_trace_id"
        pair = _one(tables, "preference_pairs", key, {key: trace_id})
        if pair is not None:
            found[f"preference_pairs, {side}"] = {name: pair[name] for name in ("pair_id", "method", "split")}
    return found


def _kept_or_dropped(tables: Tables, name: str, key: str, row: Row) -> Row | None:
    found = _one(tables, name, key, row)
    dropped = f"{name}{_DROPPED}"
    return _one(tables, dropped, key, row) if found is None and dropped in TABLES else found


def _one(tables: Tables, name: str, key: str, row: Row, **values: str) -> Row | None:
    rows = tables.scan(name).filter(pl.col(key) == row[key])
    for column, value in values.items():
        rows = rows.filter(pl.col(column) == value)
    found = rows.head(1).collect()
    return None if found.is_empty() else found.row(0, named=True)


def _released_rows(releases: Path, trace_id: str) -> list[str]:
    found = []
    for manifest in sorted(releases.glob("[!.]*/manifest.json")):
        for shard in json.loads(manifest.read_text(encoding="utf-8"))["shards"]:
            path = manifest.parent / shard["path"]
            if path.is_file():
                rows = pl.scan_parquet(path, row_index_name="row").filter(pl.col("trace_id") == trace_id)
                with _explaining_damage(path):
                    found += [f"{path}:{row}" for row in rows.select("row").collect()["row"]]
    return found
