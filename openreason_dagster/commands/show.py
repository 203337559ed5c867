"""`openreason show`: one row with everything that led to it, and where it went."""

import json
from collections.abc import Mapping, Sequence

import polars as pl
from rich.console import Console
from rich.panel import Panel

from openreason_dagster.commands.printable import plain
from openreason_dagster.resources.lineage import Chain, ConversationChain, PairChain, PromptChain, TraceChain
from openreason_dagster.resources.lineage_rows import Row

_LONG_FIELDS = {"reasoning", "answer", "token_logprobs", "imported_record", "sampling_record", "environment"}
_KEYS = {"trace_id", "prompt_id", "model", "temperature"}
_TEXTS = {"messages", "prompt", "chosen", "rejected"}
_NOT_SEEN = "this stage has not seen the"


def print_chain(chain: Chain, console: Console) -> None:
    """Print the chain, seed first; model output is shown as plain text."""
    match chain:
        case TraceChain():
            _print_trace(chain, console)
        case PromptChain():
            _print_prompt(chain, console)
        case PairChain():
            _print_pair(chain, console)
        case ConversationChain():
            _print_conversation(chain, console)
    _print_releases(chain.releases, console)


def _print_trace(chain: TraceChain, console: Console) -> None:
    _print_seed(chain.seed or chain.pool, chain.pool, console)
    _print_sampling(chain.sampled, console)
    _print_stage("verdict", chain.verdict, console, what="trace")
    for title, row in (
        ("judge", chain.judge),
        ("reference in doubt", chain.suspicion),
        ("verdict against the majority answer", chain.replaced),
    ):
        if row is not None:
            _print_stage(title, row, console, what="trace")
    _print_stage("rewards", chain.rewards, console, what="trace")
    _print_stage("prompt statistics", chain.statistics, console, what="trace")
    _print_written(chain.written, console)
    _print_data_sets(chain.data_sets, console, what="trace")


def _print_conversation(chain: ConversationChain, console: Console) -> None:
    for turn in chain.messages:
        _print_text(str(turn["role"]), turn["content"], console)
    if chain.seed is not None:
        _print_fields("seed", chain.seed, without={"prompt", "solution"}, console=console)
    _print_written(chain.written, console)
    _print_data_sets(chain.data_sets, console, what="conversation")


def _print_pair(chain: PairChain, console: Console) -> None:
    if chain.seed is None:
        _print_text("prompt", chain.pair["prompt"], console)
        _print_stage("chat_sft_data", chain.conversation, console, what="prompt")
    else:
        _print_seed(chain.seed, chain.pool, console)
    for side in ("chosen", "rejected"):
        _print_text(f"{side}, {chain.pair[f'{side}_trace_id']}", chain.pair[side], console)
    _print_fields("preference_pairs", chain.pair, without=_TEXTS, console=console)
    if chain.votes is not None:
        _print_fields("preference_votes", chain.votes, without={"pair_id", "prompt_id"}, console=console)
    console.print("Show what either answer is from by its trace_id.")


def _print_releases(releases: list[str], console: Console) -> None:
    console.print("[bold]releases[/bold]" + ("" if releases else ": none of them holds the row"))
    for place in releases:
        console.print(f"  {plain(place)}", soft_wrap=True)


def _print_prompt(chain: PromptChain, console: Console) -> None:
    _print_seed(chain.seed, chain.pool, console)
    _print_data_sets(chain.data_sets, console, what="prompt")
    if chain.pairs.height:
        _print_list("preference_pairs", "show one by its pair_id", chain.pairs, console)
    listed = chain.traces.with_columns(
        sample_index=pl.format("#{}", "sample_index"), verdict=pl.col("verdict").fill_null("not verified")
    )
    _print_list("traces", "show one by its trace_id", listed, console)


def _print_seed(seed: Row | None, pool: Row | None, console: Console) -> None:
    if seed is not None:
        _print_text("prompt", seed["prompt"], console)
        _print_fields("seed", seed, without={"prompt", "solution"}, console=console)
    if pool is None:
        console.print(f"[bold]prompt_pool[/bold]: {_NOT_SEEN} prompt")
    elif "reason" in pool:
        _print_fields("prompt_pool: left out", pool, without={"prompt", "prompt_id"}, console=console)
    else:
        console.print("[bold]prompt_pool[/bold]: in it")


def _print_sampling(sampled: Row, console: Console) -> None:
    _print_text("reasoning", sampled["reasoning"], console)
    _print_text("answer", sampled["answer"], console)
    _print_fields("sampled", sampled, without=_LONG_FIELDS, console=console)
    for name in ("imported_record", "sampling_record", "environment"):
        if sampled.get(name) is not None:
            fields = json.loads(str(sampled[name]))
            _print_fields(name.replace("_", " "), fields, without=set(), console=console)


def _print_data_sets(data_sets: Mapping[str, Row | None], console: Console, *, what: str) -> None:
    for name, row in data_sets.items():
        is_left_out = row is not None and "reason" in row
        _print_stage(f"{name}: left out" if is_left_out else name, row, console, what=what)


def _print_stage(title: str, row: Row | None, console: Console, *, what: str) -> None:
    if row is None:
        console.print(f"[bold]{title}[/bold]: {_NOT_SEEN} {what}")
    else:
        _print_fields(title, row, without=_KEYS | _TEXTS, console=console)


def _print_written(replies: Sequence[Row], console: Console) -> None:
    for reply in replies:
        _print_fields(f"model_replies: {reply['part']}", reply, without={"part"}, console=console)


def _print_list(title: str, remedy: str, rows: pl.DataFrame, console: Console) -> None:
    console.print(f"[bold]{title}[/bold]: {rows.height:,}; {remedy}")
    for row in rows.iter_rows():
        console.print(plain("  " + "  ".join(map(str, row))), soft_wrap=True)


def _print_text(title: str, text: object, console: Console) -> None:
    console.print(Panel(plain(text), title=plain(title), title_align="left"))


def _print_fields(title: str, row: Row, *, without: set[str], console: Console) -> None:
    console.print(f"[bold]{plain(title)}[/bold]")
    for name, value in row.items():
        if name not in without:
            console.print(f"  {plain(name)}: {plain(value)}", soft_wrap=True)
