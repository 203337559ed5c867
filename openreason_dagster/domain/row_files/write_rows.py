"""Writing rows to a JSONL or Parquet file, or to a stream of JSONL, batch by batch.

A file appears under its name when it is whole; until then it grows beside it under a name of its own.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import polars as pl

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.row_files.read_rows import KINDS, Row

Write = Callable[[Sequence[Row]], None]
Columns = Mapping[str, pl.DataType]


@contextmanager
def row_writer(target: Path | BinaryIO, added: Columns) -> Iterator[Write]:
    """A function that writes rows, for as long as the context lasts.

    Args:
        target: A file, whose name tells its kind, or a stream for JSONL.
        added: Columns that are in every row, with their types; types of other columns are told by the first batch.

    Raises:
        ReleaseError: The kind is unknown, the file cannot be written, or a row does not fit a Parquet file whose
            columns the first batch has set.
    """
    if not isinstance(target, Path):
        yield lambda rows: _write_lines(target, rows)
        target.flush()
        return
    partial = target.with_name(f".{target.name}.partial")
    try:
        with _open(target, partial, added) as write:
            yield write
        partial.replace(target)
    except OSError as error:
        raise ReleaseError(
            f"output {str(target)!r}: cannot be written ({error}). Give a file in a folder that exists and has room."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _open(target: Path, partial: Path, added: Columns) -> Iterator[Write]:
    if not target.name.endswith(KINDS):
        raise ReleaseError(
            f"output {str(target)!r}: found kind {target.suffix!r}, expected one of {', '.join(KINDS)}, or - for the "
            "terminal. Rename it."
        )
    if target.name.endswith(".parquet"):
        with _ParquetFile(target, partial, added) as file:
            yield file.write
        return
    lines: IO[bytes]
    with partial.open("wb") as plain, _compressed(plain, target) as lines:
        yield lambda rows: _write_lines(lines, rows)


@contextmanager
def _compressed(plain: IO[bytes], target: Path) -> Iterator[IO[bytes]]:
    if target.suffix != ".gz":
        yield plain
        return
    with gzip.GzipFile(filename="", fileobj=plain, mode="wb", mtime=0) as file:
        yield file  # type: ignore[misc]


def _write_lines(file: IO[bytes], rows: Sequence[Row]) -> None:
    for row in rows:
        # A lone surrogate has no UTF-8 form; the escape that replaces it is the one JSON has for it.
        file.write(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n")


class _ParquetFile:
    """A Parquet file whose schema is that of the first rows."""

    def __init__(self, target: Path, partial: Path, added: Columns) -> None:
        self._target = target
        self._partial = partial
        self._added = added
        self._schema: pl.Schema | None = None
        self._writer: Any = None

    def __enter__(self) -> "_ParquetFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._writer is None:
            self.write([])
        if self._writer is not None:
            self._writer.close()

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows; the first call sets the columns."""
        import pyarrow.parquet as pq

        if self._schema is None:
            self._schema = self._first_schema(rows)
        table = self._frame(rows).to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._partial, table.schema)
        self._writer.write_table(table)

    def _first_schema(self, rows: Sequence[Row]) -> pl.Schema:
        names = dict.fromkeys([*(name for row in rows for name in row), *self._added])
        frame = self._converted(rows, {name: self._added.get(name) for name in names})
        return pl.Schema({
            name: pl.String() if dtype == pl.Null() else dtype for name, dtype in frame.schema.items()
        })  # fmt: skip

    def _frame(self, rows: Sequence[Row]) -> pl.DataFrame:
        assert self._schema is not None
        further = sorted({name for row in rows for name in row} - set(self._schema))
        if further:
            raise self._error(f"found the column {further[0]!r} after rows without it")
        return self._converted(rows, dict(self._schema))

    def _converted(self, rows: Sequence[Row], schema: Mapping[str, pl.DataType | None]) -> pl.DataFrame:
        try:
            return pl.DataFrame(
                [[row.get(name) for name in schema] for row in rows],
                schema=schema,
                orient="row",
                infer_schema_length=None,
            )
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
            raise self._error(str(error).splitlines()[0]) from error

    def _error(self, found: str) -> ReleaseError:
        return ReleaseError(
            f"output {str(self._target)!r}: a row does not fit the columns of the first rows: {found}; Parquet needs "
            "the same columns and types in every row. Write .jsonl instead."
        )
