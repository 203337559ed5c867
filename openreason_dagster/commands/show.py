"""`openreason show`: one trace with everything that led to it."""

import json
from dataclasses import dataclass

import polars as pl
from rich.console import Console
from rich.panel import Panel

from openreason_dagster.commands.printable import plain
from openreason_dagster.domain.errors import TableError
from openreason_dagster.resources.tables import Tables

Row = dict[str, object]
_KEY_FIELDS = {"trace_id", "prompt_id", "model", "temperature", "messages"}
_LONG_FIELDS = {"reasoning", "answer", "token_logprobs", "imported_record", "sampling_record", "environment"}


@dataclass(frozen=True, kw_only=True)
class TraceChain:
    """From a released row back to its seed; a stage that has not seen the trace is None."""

    sampled: Row
    seed: Row | None
    verdict: Row | None
    suspicion: Row | None
    """The row of its prompt in suspect_references; most prompts have none."""
    replaced: Row | None
    """Its verdict against the majority answer, where that took the reference's place."""
    rewards: Row | None
    selection: Row | None
    mix: Row | None


def trace_chain(tables: Tables, trace_id: str) -> TraceChain:
    """Follow one trace through the tables; `trace_id` may be cut as long as it is unique.

    Raises:
        TableError: no trace, or several, start with it.
    """
    if not trace_id or not trace_id.isalnum():
        raise TableError(
            f"{trace_id!r} is not a trace_id; expected the start of a 32-digit hash, e.g. from `openreason query`."
        )
    found = tables.scan("sampled_traces").filter(pl.col("trace_id").str.starts_with(trace_id)).head(2).collect()
    if found.height != 1:
        count = "no trace starts" if found.is_empty() else "several traces start"
        raise TableError(
            f"{count} with {trace_id!r}. The table sampled_traces lists them, for example with `openreason query`."
        )
    sampled = found.row(0, named=True)
    return TraceChain(
        sampled=sampled,
        seed=_one(tables, "prompt_pool", "prompt_id", sampled) or _one(tables, "seed_prompts", "prompt_id", sampled),
        verdict=_one(tables, "verified_traces", "trace_id", sampled),
        suspicion=_one(tables, "suspect_references", "prompt_id", sampled),
        replaced=_one(tables, "replaced_verdicts", "trace_id", sampled),
        rewards=_one(tables, "scored_traces", "trace_id", sampled),
        selection=_one(tables, "reasoning_data", "trace_id", sampled)
        or _one(tables, "reasoning_data_dropped", "trace_id", sampled),
        mix=_one(tables, "sft_mix", "trace_id", sampled) or _one(tables, "sft_mix_dropped", "trace_id", sampled),
    )


def print_chain(chain: TraceChain, console: Console) -> None:
    """Print the chain, seed first; model output is shown as plain text."""
    sampled = chain.sampled
    if chain.seed is not None:
        console.print(Panel(plain(chain.seed["prompt"]), title="prompt", title_align="left"))
        _print_fields("seed", chain.seed, without={"prompt", "solution"}, console=console)
    console.print(Panel(plain(sampled["reasoning"]), title="reasoning", title_align="left"))
    console.print(Panel(plain(sampled["answer"]), title="answer", title_align="left"))
    _print_fields("sampled", sampled, without=_LONG_FIELDS, console=console)
    for name in ("imported_record", "sampling_record", "environment"):
        if sampled.get(name) is not None:
            fields = json.loads(str(sampled[name]))
            _print_fields(name.replace("_", " "), fields, without=set(), console=console)
    for title, row in _stages(chain):
        if row is None:
            console.print(f"[bold]{title}[/bold]: this stage has not seen the trace")
        else:
            _print_fields(title, row, without=_KEY_FIELDS, console=console)


def _stages(chain: TraceChain) -> list[tuple[str, Row | None]]:
    """Every stage after sampling; doubts about the reference only where there are any."""
    doubts = [("reference in doubt", chain.suspicion), ("verdict against the majority answer", chain.replaced)]
    return [
        ("verdict", chain.verdict),
        *((title, row) for title, row in doubts if row is not None),
        ("rewards", chain.rewards),
        ("selection", chain.selection),
        ("mix", chain.mix),
    ]


def _one(tables: Tables, name: str, key: str, sampled: Row) -> Row | None:
    rows = tables.scan(name).filter(pl.col(key) == sampled[key]).head(1).collect()
    return None if rows.is_empty() else rows.row(0, named=True)


def _print_fields(title: str, row: Row, *, without: set[str], console: Console) -> None:
    console.print(f"[bold]{title}[/bold]")
    for name, value in row.items():
        if name not in without:
            console.print(f"  {plain(name)}: {plain(value)}", soft_wrap=True)
