"""The one entry to a source of the recipe: its rows as batches of seed prompts and of rows set aside."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import FileSource, HubSource, ProceduralSource
from openreason_dagster.domain.records import SeedPrompt
from openreason_dagster.domain.seeds.file import read_file_rows
from openreason_dagster.domain.seeds.hub import read_hub_rows
from openreason_dagster.domain.seeds.message_columns import with_message_columns
from openreason_dagster.domain.seeds.procedural import procedural_rows
from openreason_dagster.domain.seeds.seed_batch import DroppedRow, SeedBatch, seed_batches
from openreason_dagster.domain.seeds.table_rows import require_columns, require_test_columns, table_rows

BATCH_ROWS = 2_000

AnySource = ProceduralSource | FileSource | HubSource


def seed_prompts(source: AnySource, base_folder: Path, *, batch_rows: int = BATCH_ROWS) -> Iterator[SeedBatch]:
    """Stream a source as batches; paths in the source are relative to `base_folder`, the recipe's folder.

    Rows come in the source's order, at most `batch_rows` of them in memory at a time (and the first thousand rows,
    whose columns are checked). The rows do not depend on `batch_rows`. A source is sound only when the iterator
    has ended: some errors are known at the end, so stored rows should be replaced after that.

    Raises:
        SourceError: while iterating; the source is missing, empty, corrupt, lacks a mapped column, or has not one
            usable row.
    """
    yield from seed_batches(_with_a_usable_row(_source_rows(source, base_folder), source), batch_rows)


def _source_rows(source: AnySource, base_folder: Path) -> Iterator[SeedPrompt | DroppedRow]:
    if isinstance(source, ProceduralSource):
        return islice(procedural_rows(source), source.limit)
    where = f"source {source.name!r}"
    if isinstance(source, FileSource):
        rows = read_file_rows(base_folder / source.path, where=where)
    else:
        rows = read_hub_rows(source, base_folder, where=where)
    rows = with_message_columns(islice(rows, source.limit), source.columns)
    rows = require_test_columns(require_columns(rows, source.columns, where=where), source, where=where)
    return table_rows(rows, source)


def _with_a_usable_row(rows: Iterable[SeedPrompt | DroppedRow], source: AnySource) -> Iterator[SeedPrompt | DroppedRow]:
    reasons: Counter[str] = Counter()
    example = ""
    usable = 0
    for row in rows:
        if isinstance(row, SeedPrompt):
            usable += 1
        else:
            example = example or f"row {row.source_row_id}: {row.detail}"
            reasons[row.reason] += 1
        yield row
    if usable == 0:
        found = ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common()) or "no rows"
        raise SourceError(
            f"source {source.name!r}: no row can be used; found {found} ({example or 'empty'}), expected at least one "
            f"row with a prompt and a reference. Correct the source's settings in the recipe, or its data."
        )
