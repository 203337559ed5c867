"""Rows of a file through a function and out again, batch by batch, for the commands that check files."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from openreason_dagster.domain.row_files.read_rows import Row, UnreadableRow, read_rows
from openreason_dagster.domain.row_files.write_rows import Columns, Write, row_writer

STREAM = "-"
"""The name that stands for standard input or output."""

Change = Callable[[Sequence[Row | UnreadableRow]], list[Row]]


def pass_rows(
    source: str, output: str | None, change: Change, *, added: Columns, batch_rows: int
) -> Iterator[list[Row]]:
    """Yield batches of changed rows once they are written; only one batch is in memory.

    Args:
        source: A file, or `-` for JSONL on standard input.
        output: A file, `-` for JSONL on standard output, or None to write nothing.
        change: What happens to a batch of rows.
        added: Columns that `change` puts into every row.
        batch_rows: Rows at a time.

    Raises:
        SourceError: the source cannot be read.
        ReleaseError: the output cannot be written.
    """
    rows = rows_of(source, where="input")
    with _writer(output, added) as write:
        while batch := list(islice(rows, batch_rows)):
            changed = change(batch)
            write(changed)
            yield changed


def rows_of(source: str, *, where: str) -> Iterator[Row | UnreadableRow]:
    """The rows of a file, or of standard input for `-`; `where` says in errors what the rows are."""
    return read_rows(sys.stdin.buffer if source == STREAM else Path(source), where=where)


def _writer(output: str | None, added: Columns) -> AbstractContextManager[Write]:
    if output is None:
        return nullcontext(lambda _: None)
    target: Path | BinaryIO = sys.stdout.buffer if output == STREAM else Path(output)
    return row_writer(target, added)


class Stopwatch:
    """Rows per second since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def rate(self, rows: int) -> str:
        """Rows, seconds and rows a second, in words."""
        seconds = time.perf_counter() - self._started
        return f"{rows:,} rows in {seconds:.1f} s: {rows / seconds:,.0f} a second"
