"""Delta tables under one root: the only place that reads or writes them.

Every table is created with its schema and partition columns before its first write. Appends are small commits, a
partition is replaced in one transaction, and a write whose rows do not have the table's schema is refused.

`deltalake` and `pyarrow` are imported inside the functions that use them: loading them takes a tenth of the time in
which the code location has to be ready.
"""

import random
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import dagster as dg
import polars as pl

from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.schemas import TABLES, Table
from openreason_dagster.resources.predicates import partition_predicate
from openreason_dagster.resources.refused_rows import require_keys, require_partition_columns, require_schema
from openreason_dagster.resources.staged_rows import StagedRows
from openreason_dagster.resources.table_columns import add_missing_columns, arrow_schema

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

_COMMIT_ATTEMPTS = 8
_KEEP_LOG = {"delta.enableExpiredLogCleanup": "false"}  # a release may refer to a version of any age
_Result = TypeVar("_Result")


class Tables(dg.ConfigurableResource["Tables"]):
    """All tables of one OpenReason root."""

    root: str
    """Folder that holds one Delta table per folder."""

    def uri(self, name: str) -> str:
        """Where a table lies.

        Raises:
            TableError: there is no table of that name.
        """
        if name not in TABLES:
            raise TableError(f"there is no table {name!r}; known tables: {', '.join(sorted(TABLES))}.")
        return str(Path(self.root) / name)

    def find(self, name: str) -> "DeltaTable | None":
        """The table at its latest version; None if nothing was ever written to it.

        Raises:
            TableError: the folder is there but cannot be read as a table.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        uri = self.uri(name)
        try:
            if DeltaTable.is_deltatable(uri):
                return DeltaTable(uri)
            with suppress(FileNotFoundError):
                list((Path(uri) / "_delta_log").iterdir())  # a folder that may not be read is no missing table
        except (DeltaError, OSError) as error:
            raise TableError(
                f"table {name!r} cannot be read: {_in_one_line(error)}. Its folder is {uri!r}. Check its permissions; "
                "if it is damaged, put a copy back, or move it away and run the recipe again, which makes a new one."
            ) from error
        return None

    def open(self, name: str) -> "DeltaTable":
        """The table at its latest version for those who write: created empty if it does not exist, with all columns.

        Raises:
            TableError: the table cannot be read, created or given the columns that it lacks.
        """
        return _retry(name, lambda: self._whole(name))

    def _whole(self, name: str) -> "DeltaTable":
        found = self.find(name) or _create(self.uri(name), TABLES[name])
        add_missing_columns(found, TABLES[name])
        return found

    def scan(self, name: str, **keys: str | list[str]) -> pl.LazyFrame:
        """A lazy view of the table, columns in schema order, restricted to partition values; nothing is read yet.

        A table that does not exist has no rows. Columns that may be null are, where the rows are older than the column.

        Raises:
            TableError: the table cannot be read.
        """
        table = self.find(name)
        frame = TABLES[name].frame([]).lazy() if table is None else pl.scan_delta(table)
        frame = TABLES[name].complete(frame)
        for column, value in keys.items():
            frame = frame.filter(pl.col(column).is_in([value] if isinstance(value, str) else value))
        return frame

    def files(self, name: str) -> list[str]:
        """The Parquet files that the table's rows are in; partition columns are in no file."""
        table = self.find(name)
        return [] if table is None else table.file_uris()

    def append(self, name: str, rows: pl.DataFrame) -> None:
        """Add rows in one commit; no rows, no commit."""
        from deltalake import write_deltalake

        require_schema(TABLES[name], rows)
        if rows.height:
            _retry(name, lambda: write_deltalake(self.open(name), rows, mode="append"))

    def replace(self, name: str, rows: pl.DataFrame | Iterable[pl.DataFrame], **keys: str) -> None:
        """Replace the rows that have these keys (or all) in one transaction; rows without them are refused.

        `rows` may be an iterable of frames, of which one is held at a time. Then `keys` must be partition columns.
        """
        if isinstance(rows, pl.DataFrame):
            require_schema(TABLES[name], rows)
            require_keys(name, rows, keys)
            _retry(name, lambda: _overwrite(self.open(name), rows, keys))
        else:
            self._replace_by_stream(name, rows, keys)

    def _replace_by_stream(self, name: str, frames: Iterable[pl.DataFrame], keys: dict[str, str]) -> None:
        require_partition_columns(TABLES[name], keys)
        self.open(name)
        self.take_over(name, self.stage(name, frames, **keys), **keys)

    def stage(self, name: str, frames: Iterable[pl.DataFrame], **keys: str) -> "list[AddAction]":
        """Write rows into the table's folder for `take_over`, which any process may call; one frame is held.

        Raises:
            TableError: a frame does not fit the table, or cannot be written. Then nothing of it is left.
        """
        staged = StagedRows(Path(self.uri(name)), TABLES[name])
        try:
            for frame in frames:
                require_schema(TABLES[name], frame)
                require_keys(name, frame, keys)
                _retry(name, partial(staged.add, frame))
            return _retry(name, staged.finish)
        except BaseException:
            staged.discard()
            raise

    def take_over(self, name: str, files: "Sequence[AddAction]", **keys: str) -> None:
        """Replace the rows that have these partition values (or all) by staged files, in one transaction.

        Raises:
            TableError: a file is not there, as when another machine staged it in a folder of its own.
        """
        missing = [file.path for file in files if not (Path(self.uri(name)) / file.path).is_file()]
        if missing:
            raise TableError(
                f"table {name!r}: {len(missing)} of {len(files)} files that were written for it are not in "
                f"{self.uri(name)!r}, the first is {missing[0]!r}. Every machine that writes must see the same folder."
            )
        _retry(name, lambda: _take_over(self.open(name), files, keys))

    def delete(self, name: str, predicate: str) -> int:
        """Delete matching rows in one transaction and say how many; earlier versions keep them."""
        return int(_retry(name, lambda: self.open(name).delete(predicate))["num_deleted_rows"])

    def version(self, name: str) -> int:
        """Version number of the table; it grows by one with each commit. One not yet written to has 0, its first."""
        table = self.find(name)
        return 0 if table is None else int(table.version())

    def compact(self, name: str) -> int:
        """Merge small files of a table and say how many fewer there are; a table that does not exist has none."""
        if self.find(name) is None:
            return 0
        return _retry(name, lambda: _compact(self.open(name)))

    def vacuum(self, name: str, *, keep_hours: int, keep_versions: Collection[int]) -> int:
        """Delete the files that no version needs, and say how many they were.

        Args:
            name: The table.
            keep_hours: Versions that were the latest at some time in the last so many hours stay readable.
            keep_versions: So do these, whatever their age; versions the table has not reached are passed over.
        """
        table = self.find(name)
        if table is None:
            return 0
        keep = sorted(version for version in keep_versions if version <= table.version())
        return len(
            _retry(
                name,
                lambda: table.vacuum(
                    keep_hours, dry_run=False, enforce_retention_duration=False, full=True, keep_versions=keep
                ),
            )
        )


def _create(uri: str, table: Table) -> "DeltaTable":
    from deltalake import DeltaTable

    return DeltaTable.create(
        uri,
        arrow_schema(table),
        mode="ignore",
        partition_by=list(table.partition_by),
        name=table.name,
        description=table.description,
        configuration=_KEEP_LOG,
    )


def _compact(table: "DeltaTable") -> int:
    metrics = table.optimize.compact()
    return int(metrics["numFilesRemoved"]) - int(metrics["numFilesAdded"])


def _in_one_line(error: Exception) -> str:
    """What failed and its causes, which the library draws as a coloured tree; without its trace of its own frames."""
    first, *further = str(error).splitlines() or [""]
    causes = [line.partition("↳")[2].replace("\x1b[0m", "").strip() for line in further if "↳" in line]
    return ": ".join([first, *causes])


def _overwrite(table: "DeltaTable", rows: pl.DataFrame, keys: dict[str, str]) -> None:
    from deltalake import write_deltalake

    write_deltalake(table, rows, mode="overwrite", predicate=partition_predicate(keys) if keys else None)


def _take_over(table: "DeltaTable", files: "Sequence[AddAction]", keys: dict[str, str]) -> None:
    from deltalake import CommitProperties

    added: list[AddAction | RemoveAction] = [*files]
    table.create_write_transaction(
        added,
        "overwrite",
        table.schema(),
        partition_by=table.metadata().partition_columns,
        partition_filters=[(column, "=", value) for column, value in keys.items()] or None,
        commit_properties=CommitProperties(max_commit_retries=0),  # or rows that came since `table` was read would stay
    )


def _retry(name: str, write: Callable[[], _Result], *, attempts: int = _COMMIT_ATTEMPTS) -> _Result:
    from deltalake.exceptions import CommitFailedError, DeltaError

    for attempt in range(1, attempts + 1):
        try:
            return write()
        except CommitFailedError as error:
            if attempt == attempts:
                raise TableError(
                    f"table {name!r}: another writer won {attempts} times ({error}). Try again."
                ) from error
            time.sleep(random.random() * 0.1 * 2 ** min(attempt, 5))  # noqa: S311 - jitter, not a secret
        except (DeltaError, OSError) as error:
            raise TableError(
                f"table {name!r} cannot be written: {_in_one_line(error)}. What was committed before is intact. "
                "Check free disk space and permissions, then start again."
            ) from error
    raise AssertionError("unreachable")
