"""`openreason status`: how far every partition is, which are stale, and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Column, Table

from openreason_dagster.domain.inference.trace_rows import record_as_text
from openreason_dagster.resources.model_plan import ModelPlan
from openreason_dagster.resources.scope import foreign_sources, plans, recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


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

    @property
    def state(self) -> str:
        """One of: stale, nothing to sample, not sampled, partial, complete."""
        if self.stale:
            return "stale"
        if not self.sampled:
            return "not sampled" if self.planned else "nothing to sample"
        return "complete" if self.sampled == self.planned and self.verified >= self.sampled else "partial"


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
    for name in ("seed_prompts", "prompt_pool", "reasoning_data", "sft_mix"):
        console.print(f"{name:16} {scoped[name].select(pl.len()).collect().item():>9,} rows")
    names = ("temperature", "state", "planned", "sampled", "failed", "verified")
    table = Table(Column("model", overflow="fold"), *names, box=box.SIMPLE_HEAD, collapse_padding=True)
    statuses = partition_statuses(tables, workspace)
    for status in statuses:
        numbers = (status.planned, status.sampled, status.failed, status.verified)
        table.add_row(status.model, status.temperature, status.state, *(f"{number:,}" for number in numbers))
    console.print(table)
    for status in statuses:
        if status.stale:
            console.print(
                f"{status.model} at {status.temperature}: {status.stale:,} traces were sampled with another "
                f"{', '.join(status.stale_because)}; run the model again to sample with the recipe's settings"
            )


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
    )


def _rows(table: pl.LazyFrame, model: str, key: str) -> int:
    return int(
        table.filter((pl.col("model") == model) & (pl.col("temperature") == key)).select(pl.len()).collect().item()
    )


def _differences(record: str, wanted: Mapping[str, object]) -> tuple[str, ...]:
    before, now = json.loads(record), json.loads(record_as_text(wanted))
    return tuple(sorted(name for name in before | now if before.get(name) != now.get(name)))
