"""Rows on their way into a table: kept in a table of their own inside its folder until one commit takes them over.

Delta's writer holds a stream's rows by the thousand, several times over, and the more the longer the stream is. Given
one small frame after the other it holds no more than that frame; so each frame is a commit, but to a table that nobody
reads, and its files become the real table's at once.
"""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

import polars as pl

from openreason_dagster.domain.schemas import Table

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

_BYTES_PER_FILE = 64 * 2**20
_LOG = "_delta_log"


class StagedRows:
    """Rows for one table, in a new folder within the table's; files that nobody takes over are left to `vacuum`."""

    def __init__(self, folder: Path, table: Table, *, bytes_per_file: int = _BYTES_PER_FILE) -> None:
        """`folder` is the table's, `bytes_per_file` about what waits in memory to be written."""
        self._folder, self._table, self._bytes_per_file = folder, table, bytes_per_file
        self._staging = folder / f"replaced-{uuid4()}"
        self._waiting: list[pl.DataFrame] = []
        self._waiting_bytes = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows of the table's schema; they are written once there are enough for a file.

        Raises:
            DeltaError, OSError: the disk is full, or the folder may not be written.
        """
        for start in range(0, rows.height, self._rows_per_file(rows)):
            part = rows.slice(start, self._rows_per_file(rows))
            self._waiting.append(part)
            self._waiting_bytes += int(part.estimated_size())
            if self._waiting_bytes >= self._bytes_per_file:
                self._write()

    def finish(self) -> "list[AddAction]":
        """Write what is left, and say which files a commit has to add.

        Raises:
            DeltaError, OSError: the disk is full, or the folder may not be written.
        """
        self._write()
        log = self._staging / _LOG
        lines = [line for commit in sorted(log.glob("*.json")) for line in commit.read_bytes().splitlines()]
        entries = [json.loads(line) for line in lines]
        shutil.rmtree(log, ignore_errors=True)
        return [self._taken_over(entry["add"]) for entry in entries if "add" in entry]

    def discard(self) -> None:
        """Delete the files: no commit will take them over."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _rows_per_file(self, rows: pl.DataFrame) -> int:
        return max(1, rows.height * self._bytes_per_file // max(1, int(rows.estimated_size())))

    def _write(self) -> None:
        from deltalake import WriterProperties, write_deltalake

        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if waiting:
            write_deltalake(
                self._staging,
                pl.concat(waiting),
                mode="append",
                partition_by=list(self._table.partition_by),
                writer_properties=WriterProperties(compression="ZSTD"),
            )

    def _taken_over(self, file: "dict[str, Any]") -> "AddAction":
        from deltalake.transaction import AddAction

        return AddAction(
            path=f"{self._staging.name}/{unquote(file['path'])}",  # a commit quotes it again
            size=file["size"],
            partition_values=file["partitionValues"],
            modification_time=file["modificationTime"],
            data_change=True,
            stats=file["stats"],
        )
