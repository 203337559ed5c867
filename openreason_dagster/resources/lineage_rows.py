"""Single rows of the tables by their identifiers, for chains from a seed to a release."""

import polars as pl

from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.tables import Tables

Row = dict[str, object]
_DROPPED = "_dropped"
_OF_REPLY = (
    "model", "part", "attempt", "fingerprint", "finish_reason", "prompt_tokens", "completion_tokens", "environment",
    "run_id", "replied_at",
)  # fmt: skip


def row_starting_with(tables: Tables, name: str, key: str, *, start: str) -> Row | None:
    """The one row of a table whose key starts like that, None if there is none.

    Raises:
        TableError: there are several.
    """
    found = tables.scan(name).filter(pl.col(key).str.starts_with(start)).unique(key).head(2).collect()
    if found.height > 1:
        kind = key.removesuffix("_id")
        raise TableError(f"several {kind}s start with {start!r}. Give more digits; the table {name} lists them.")
    return None if found.is_empty() else found.row(0, named=True)


def kept_or_dropped(tables: Tables, name: str, key: str, row: Row) -> Row | None:
    """The row of a data set that has this row's key, or the one that says why it was left out."""
    found = one_row(tables, name, key, row)
    dropped = f"{name}{_DROPPED}"
    return one_row(tables, dropped, key, row) if found is None and dropped in TABLES else found


def one_row(tables: Tables, name: str, key: str, row: Row, **values: str) -> Row | None:
    """A row of a table with this row's key and these values, None if there is none."""
    rows = tables.scan(name).filter(pl.col(key) == row[key])
    for column, value in values.items():
        rows = rows.filter(pl.col(column) == value)
    found = rows.head(1).collect()
    return None if found.is_empty() else found.row(0, named=True)


def written_about(tables: Tables, subject_id: object) -> list[Row]:
    """How a writer was asked about a prompt or a trace, and with what outcome, without the texts; in order of time."""
    replies = tables.scan("model_replies", role="writer").filter(pl.col("subject_id") == subject_id)
    return replies.select(_OF_REPLY).sort("replied_at", "part", "attempt").collect().to_dicts()
