"""Seed rows on their way into tables: one usable or set-aside row at a time, grouped into frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.records import SeedPrompt
from openreason_dagster.domain.schemas import SEED_PROMPTS, SEED_PROMPTS_DROPPED


@dataclass(frozen=True, kw_only=True)
class DroppedRow:
    """A source row that cannot become a seed prompt."""

    source: str
    source_row_id: str
    reason: str
    """`no_prompt`, `no_reference`, `bad_choices`, `bad_constraints`, `bad_tests` or `bad_text`."""
    detail: str


@dataclass(frozen=True, kw_only=True)
class SeedBatch:
    """Consecutive rows of one source: `prompts` has the schema of seed_prompts, `dropped` of seed_prompts_dropped."""

    prompts: pl.DataFrame
    dropped: pl.DataFrame


def seed_batches(rows: Iterable[SeedPrompt | DroppedRow], batch_rows: int) -> Iterator[SeedBatch]:
    """Group rows into batches of at most `batch_rows` source rows, keeping their order."""
    prompts: list[SeedPrompt] = []
    dropped: list[DroppedRow] = []
    for row in rows:
        if isinstance(row, SeedPrompt):
            prompts.append(row)
        else:
            dropped.append(row)
        if len(prompts) + len(dropped) == batch_rows:
            yield _batch(prompts, dropped)
            prompts, dropped = [], []
    if prompts or dropped:
        yield _batch(prompts, dropped)


def _batch(prompts: list[SeedPrompt], dropped: list[DroppedRow]) -> SeedBatch:
    return SeedBatch(
        prompts=SEED_PROMPTS.frame(vars(prompt) for prompt in prompts),
        dropped=SEED_PROMPTS_DROPPED.frame(vars(row) for row in dropped),
    )
