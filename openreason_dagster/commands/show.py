"""`openreason show`: one row with everything that led to it, and where it went."""

import json
from collections.abc import Mapping

from rich.console import Console
from rich.panel import Panel

from openreason_dagster.commands.printable import plain
from openreason_dagster.resources.lineage import Chain, ConversationChain, PromptChain, Row

_LONG_FIELDS = {"reasoning", "answer", "token_logprobs", "imported_record", "sampling_record", "environment"}
_KEYS = {"trace_id", "prompt_id", "model", "temperature"}
_NOT_SEEN = "this stage has not seen the"


def print_chain(chain: Chain, console: Console) -> None:
    """Print the chain, seed first; model output is shown as plain text."""
    if isinstance(chain, PromptChain):
        _print_prompt(chain, console)
        return
    if isinstance(chain, ConversationChain):
        _print_conversation(chain, console)
        return
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
    _print_data_sets(chain.data_sets, console, what="trace")
    _print_releases(chain.releases, console)


def _print_conversation(chain: ConversationChain, console: Console) -> None:
    messages = next((row["messages"] for row in chain.data_sets.values() if row and row.get("messages")), [])
    assert isinstance(messages, list)
    for turn in messages:
        console.print(Panel(plain(turn["content"]), title=plain(turn["role"]), title_align="left"))
    _print_data_sets(chain.data_sets, console, what="conversation")
    _print_releases(chain.releases, console)


def _print_releases(releases: list[str], console: Console) -> None:
    console.print("[bold]releases[/bold]" + ("" if releases else ": none of them holds the row"))
    for place in releases:
        console.print(f"  {plain(place)}", soft_wrap=True)


def _print_prompt(chain: PromptChain, console: Console) -> None:
    _print_seed(chain.seed, chain.pool, console)
    _print_data_sets(chain.data_sets, console, what="prompt")
    console.print(f"[bold]traces[/bold]: {chain.traces.height:,}; show one by its trace_id")
    for trace in chain.traces.iter_rows(named=True):
        verdict = trace["verdict"] or "not verified"
        line = f"  {trace['trace_id']}  {trace['model']}  {trace['temperature']}  #{trace['sample_index']}  {verdict}"
        console.print(plain(line), soft_wrap=True)


def _print_seed(seed: Row | None, pool: Row | None, console: Console) -> None:
    if seed is not None:
        console.print(Panel(plain(seed["prompt"]), title="prompt", title_align="left"))
        _print_fields("seed", seed, without={"prompt", "solution"}, console=console)
    if pool is None:
        console.print(f"[bold]prompt_pool[/bold]: {_NOT_SEEN} prompt")
    elif "reason" in pool:
        _print_fields("prompt_pool: left out", pool, without={"prompt", "prompt_id"}, console=console)
    else:
        console.print("[bold]prompt_pool[/bold]: in it")


def _print_sampling(sampled: Row, console: Console) -> None:
    console.print(Panel(plain(sampled["reasoning"]), title="reasoning", title_align="left"))
    console.print(Panel(plain(sampled["answer"]), title="answer", title_align="left"))
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
        _print_fields(title, row, without=_KEYS | {"messages", "prompt"}, console=console)


def _print_fields(title: str, row: Row, *, without: set[str], console: Console) -> None:
    console.print(f"[bold]{title}[/bold]")
    for name, value in row.items():
        if name not in without:
            console.print(f"  {plain(name)}: {plain(value)}", soft_wrap=True)
