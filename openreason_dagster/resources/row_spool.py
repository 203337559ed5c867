"""Rows set aside on disk until all are there: a table is then replaced at once, and memory stays bounded."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl


class RowSpool:
    """Frames in the order they were added; the files are gone with the context."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="openreason-rows-")
        self.rows = 0
        self._files: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def add(self, rows: pl.DataFrame) -> None:
        """Set rows aside; none, no file."""
        if rows.height:
            path = Path(self._folder.name) / f"{len(self._files)}.parquet"
            rows.write_parquet(path)
            self._files.append(path)
            self.rows += rows.height

    def frames(self) -> Iterator[pl.DataFrame]:
        """Every frame that was added, one in memory at a time."""
        for path in self._files:
            yield pl.read_parquet(path)
