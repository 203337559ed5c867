"""`openreason status`: how far every partition is, which are stale, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Column, Table

from openreason_dagster.domain.inference.request_source import Rounds
from openreason_dagster.domain.inference.trace_rows import record_as_text
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.resources.ledger import limits
from openreason_dagster.resources.model_plan import ModelPlan
from openreason_dagster.resources.scope import foreign_sources, plans, recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_COUNTED = (
    "seed_prompts",
    "prompt_pool",
    "reasoning_data",
    "cold_start_data",
    "non_reasoning_data",
    "sft_mix",
    "rl_prompts",
    "preference_pairs",
)


@dataclass(frozen=True, kw_only=True)
class PartitionStatus:
    """One model at one temperature."""

    model: str
    temperature: str
    planned: int
    sampled: int
    """Traces with the fingerprint the recipe asks for now."""
    failed: int
    verified: int
    stale: int
    """Traces sampled under other settings."""
    stale_because: tuple[str, ...]
    """Names of the settings that differ."""
    goes_in_rounds: bool
    """Whether more may be planned when what is left has been sampled."""

    @property
    def state(self) -> str:
        """One of: stale, nothing to sample, not sampled, partial, not verified, complete."""
        if self.stale:
            return "stale"
        if not self.planned:
            return "nothing to sample"
        if not self.sampled and not self.failed:
            return "not sampled"
        if self.sampled < self.planned:
            return "partial"
        return "complete" if self.verified >= self.sampled else "not verified"

    @property
    def left(self) -> str:
        """Requests to ask, those that failed included; a `+` says that more rounds may follow."""
        count = self.planned - self.sampled
        return f"{count:,}{'+' if count and self.goes_in_rounds else ''}"


def partition_statuses(tables: Tables, workspace: Workspace) -> list[PartitionStatus]:
    """Status of every selected model at every temperature that applies to it; loads no weights.

    Raises:
        OpenReasonError: the recipe, a catalogue file or a model's files cannot be read.
    """
    keys = workspace.recipe().temperature_keys
    models = [
        ModelPlan.of(tables, workspace, model=name, temperatures=keys) for name in sorted(workspace.selected_models())
    ]
    scoped = recipe_tables(tables, workspace)
    return [
        _status(
            scoped,
            model,
            key=key,
            failures=tables.scan("sampling_failures"),
            in_effect=_plan_in_effect(tables, workspace, model.plan.model, key),
        )
        for model in models
        for key in model.counts
    ]


def print_status(tables: Tables, workspace: Workspace, console: Console) -> None:
    """Print rows of the side by side tables, then one line per partition."""
    strangers = foreign_sources("prompt_pool", tables, workspace.recipe())
    if strangers:
        console.print(f"The prompt pool holds sources of another recipe: {', '.join(strangers)}")
    scoped = recipe_tables(tables, workspace)
    for name in _COUNTED:
        console.print(f"{name:18} {count_rows(scoped[name]):>9,} rows")
    names = ("temperature", "state", "sampled", "left", "failed", "verified")
    table = Table(Column("model", overflow="fold"), *names, box=box.SIMPLE_HEAD, collapse_padding=True)
    statuses = partition_statuses(tables, workspace)
    for status in statuses:
        table.add_row(
            status.model, status.temperature, status.state,
            f"{status.sampled:,}", status.left, f"{status.failed:,}", f"{status.verified:,}",
        )  # fmt: skip
    console.print(table)
    for status in statuses:
        if status.stale:
            console.print(
                f"{status.model} at {status.temperature}: {status.stale:,} traces were sampled with another "
                f"{', '.join(status.stale_because)}; run the model again to sample with the recipe's settings"
            )
    recipe = workspace.recipe()
    asked = {status.model for status in statuses}.union(*recipe.models_in_roles.values())
    for line in _spent(tables, recipe, sorted(asked)):
        console.print(line)


def _spent(tables: Tables, recipe: Recipe, models: Sequence[str]) -> list[str]:
    """What is spent of every limit that counts over runs; one line each."""
    lines = []
    for model in models:
        for limit in limits(tables, recipe, model=model):
            _, scope, kind = limit.name.split(".")
            digits = 0 if kind == "tokens" else 2
            owner = f" of {model}" if scope == "model" else ""
            if scope != "run":
                lines.append(f"{limit.name}{owner}: {limit.spent:,.{digits}f} of {limit.amount:,.{digits}f} spent")
    return list(dict.fromkeys(lines))


def _plan_in_effect(tables: Tables, workspace: Workspace, model: str, key: str) -> dict[str, Any] | None:
    rows = plans(tables, workspace).filter((pl.col("model") == model) & (pl.col("temperature") == key)).collect()
    return None if rows.is_empty() else rows.row(0, named=True)


def _status(
    scoped: Mapping[str, pl.LazyFrame],
    model: ModelPlan,
    *,
    key: str,
    failures: pl.LazyFrame,
    in_effect: dict[str, Any] | None,
) -> PartitionStatus:
    name, wanted, count = model.plan.model, model.plan.at(key), model.counts[key]
    is_stale = in_effect is not None and in_effect["fingerprint"] != wanted.fingerprint
    return PartitionStatus(
        model=name,
        temperature=key,
        planned=count.planned,
        sampled=count.committed,
        failed=_rows(failures.filter(pl.col("fingerprint") == wanted.fingerprint), name, key),
        verified=_rows(scoped["verified_traces"], name, key),
        stale=_rows(scoped["sampled_traces"], name, key) if is_stale else 0,
        stale_because=_differences(in_effect["sampling_record"], wanted.record) if in_effect and is_stale else (),
        goes_in_rounds=isinstance(model.source, Rounds),
    )


def _rows(table: pl.LazyFrame, model: str, key: str) -> int:
    return count_rows(table.filter((pl.col("model") == model) & (pl.col("temperature") == key)))


def _differences(record: str, wanted: Mapping[str, object]) -> tuple[str, ...]:
    before, now = json.loads(record), json.loads(record_as_text(wanted))
    return tuple(sorted(name for name in before | now if before.get(name) != now.get(name)))
