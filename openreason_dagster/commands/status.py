"""`openreason status`: how far every partition is, which are stale, and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Column, Table

from openreason_dagster.domain.inference.fingerprint import weights_identity
from openreason_dagster.domain.inference.plan import SamplingPlan, build_plan, count_requests
from openreason_dagster.domain.inference.prompts import read_template
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.resources.engines.open_engine import open_engine
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
        """One of: stale, not sampled, partial, complete."""
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
    recipe = workspace.recipe()
    prompts = tables.scan("prompt_pool").select("prompt_id", "prompt").collect()
    return [
        status
        for name in workspace.selected_models()
        for status in _model_statuses(tables, workspace, recipe=recipe, name=name, prompts=prompts)
    ]


def print_status(tables: Tables, workspace: Workspace, console: Console) -> None:
    """Print rows of the side by side tables, then one line per partition."""
    for name in ("seed_prompts", "prompt_pool", "reasoning_data", "sft_mix"):
        console.print(f"{name:16} {tables.scan(name).select(pl.len()).collect().item():>9,} rows")
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


def _model_statuses(
    tables: Tables, workspace: Workspace, *, recipe: Recipe, name: str, prompts: pl.DataFrame
) -> list[PartitionStatus]:
    entry = workspace.model(name)
    plan = build_plan(
        entry,
        recipe.sampling,
        temperature_keys=recipe.temperature_keys,
        template=read_template(recipe.sampling.template, recipe_folder=workspace.recipe_folder),
        weights=weights_identity(entry, workspace.catalogue_folder),
    )
    engine = open_engine(entry, workspace.catalogue_folder)
    traces = tables.scan("sampled_traces", model=name)
    committed = set(traces.select("trace_id").collect()["trace_id"])
    counts = count_requests(prompts, plan, committed=committed, samples_available=engine.samples_available)
    return [
        _status(tables, plan, key=key, planned=count.planned, sampled=count.committed) for key, count in counts.items()
    ]


def _status(tables: Tables, plan: SamplingPlan, *, key: str, planned: int, sampled: int) -> PartitionStatus:
    keys = {"model": plan.model, "temperature": key}
    wanted = plan.at(key)
    other = tables.scan("sampled_traces", **keys).filter(pl.col("fingerprint") != wanted.fingerprint)
    records = other.group_by("sampling_record").len("traces").collect()
    return PartitionStatus(
        model=plan.model,
        temperature=key,
        planned=planned,
        sampled=sampled,
        failed=tables.scan("sampling_failures", **keys).select(pl.len()).collect().item(),
        verified=tables.scan("verified_traces", **keys).select(pl.len()).collect().item(),
        stale=int(records["traces"].sum()),
        stale_because=_differences(records["sampling_record"].to_list(), wanted.record),
    )


def _differences(records: list[str], wanted: Mapping[str, object]) -> tuple[str, ...]:
    parsed = [json.loads(record) for record in records]
    current = json.loads(json.dumps(dict(wanted)))
    return tuple(
        sorted({name for record in parsed for name in record | current if record.get(name) != current.get(name)})
    )
