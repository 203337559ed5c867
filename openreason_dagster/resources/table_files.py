"""Data files that a table's next version is made of, written here because Delta's own writer holds what it is given.

That writer gathers 8,192 rows at a time, several times over: gigabytes, where a row is a long conversation. Here rows
go into the file as soon as they fill a row group, so that memory depends on no number of rows and no length of text.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import polars as pl

from openreason_dagster.domain.schemas import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake.transaction import AddAction

_ROW_GROUP_BYTES = 32 * 2**20
_FILE_BYTES = 128 * 2**20
_Values = tuple[str, ...]  # of a table's partition columns


class TableFiles:
    """New Parquet files in the folder of a table, in one folder per partition; the table does not know them yet."""

    def __init__(
        self, root: Path, table: Table, *, row_group_bytes: int = _ROW_GROUP_BYTES, file_bytes: int = _FILE_BYTES
    ) -> None:
        """`row_group_bytes` is how much waits in memory to be written, `file_bytes` about what a file may grow to."""
        self._root, self._partition_by = root, table.partition_by
        self._columns = [name for name in table.schema.names() if name not in table.partition_by]
        self._row_group_bytes, self._file_bytes = row_group_bytes, file_bytes
        self._waiting: dict[_Values, list[pa.Table]] = {}
        self._files: dict[_Values, list[_DataFile]] = {}

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows of the table's schema; they are written once there are enough for a row group.

        Raises:
            OSError: the disk is full, or the folder may not be written.
        """
        parts = rows.partition_by(self._partition_by, as_dict=True) if self._partition_by else {(): rows}
        for values, part in parts.items():
            if part.height:
                table = part.select(self._columns).to_arrow(compat_level=pl.CompatLevel.oldest())
                self._waiting.setdefault(values, []).append(table)
        if sum(table.nbytes for tables in self._waiting.values() for table in tables) >= self._row_group_bytes:
            self._write_waiting()

    def finish(self) -> "list[AddAction]":
        """Write what is left, and say what a commit has to add.

        Raises:
            OSError: the disk is full, or the folder may not be written.
        """
        self._write_waiting()
        actions: list[AddAction] = []
        for values, files in self._files.items():
            files[-1].close()
            keys = dict(zip(self._partition_by, values, strict=True))
            actions += [file.as_action(self._root, keys) for file in files]
        return actions

    def discard(self) -> None:
        """Delete the files: they will not be committed."""
        self._waiting = {}
        for file in chain.from_iterable(self._files.values()):
            with suppress(OSError):  # of a full disk; what the file lacks does not matter any more
                file.close()
            file.path.unlink(missing_ok=True)

    def _write_waiting(self) -> None:
        import pyarrow as pa

        waiting, self._waiting = self._waiting, {}
        for values, tables in waiting.items():
            rows = pa.concat_tables(tables)
            file = self._open_file(values, rows.schema)
            file.write(rows, row_group_size=max(1, rows.num_rows * self._row_group_bytes // rows.nbytes))
            if file.path.stat().st_size >= self._file_bytes:
                file.close()

    def _open_file(self, values: "_Values", schema: "pa.Schema") -> "_DataFile":
        files = self._files.setdefault(values, [])
        if not files or not files[-1].is_open:
            keys = zip(self._partition_by, values, strict=True)
            folder = self._root.joinpath(*(f"{name}={quote(value, safe='')}" for name, value in keys))
            folder.mkdir(parents=True, exist_ok=True)
            files.append(_DataFile(folder / f"part-{uuid4()}.zstd.parquet", schema))
        return files[-1]


class _DataFile:
    """One Parquet file; what is written lies on the disk, and not in memory, when `write` returns."""

    def __init__(self, path: Path, schema: "pa.Schema") -> None:
        from pyarrow.parquet import ParquetWriter

        self.path = path
        self._rows = 0
        self._writer = ParquetWriter(path, schema, compression="zstd", store_schema=False)

    def write(self, rows: "pa.Table", *, row_group_size: int) -> None:
        self._writer.write_table(rows, row_group_size=row_group_size)
        self._rows += rows.num_rows

    @property
    def is_open(self) -> bool:
        return bool(self._writer.is_open)

    def close(self) -> None:
        self._writer.close()

    def as_action(self, root: Path, keys: Mapping[str, str]) -> "AddAction":
        from deltalake.transaction import AddAction

        state = self.path.stat()
        return AddAction(
            path=str(self.path.relative_to(root)),
            size=state.st_size,
            partition_values=keys,
            modification_time=int(state.st_mtime * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": self._rows}),
        )
