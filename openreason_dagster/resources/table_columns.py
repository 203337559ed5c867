"""Columns of a table on disk: as they were designed when it was made, which may be fewer than the design has now."""

from typing import TYPE_CHECKING

from openreason_dagster.domain.schemas import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable


def add_missing_columns(found: "DeltaTable", table: Table) -> None:
    """Give a table on disk the columns that it lacks and that may be null, in one commit.

    Raises:
        DeltaError: another writer changed the table at the same time.
    """
    from deltalake import Schema

    there = {field.name for field in found.schema().fields}
    lacking = {column.name for column in table.columns if column.nullable} - there
    if lacking:
        designed = Schema.from_arrow(arrow_schema(table)).fields
        found.alter.add_columns([field for field in designed if field.name in lacking])


def arrow_schema(table: Table) -> "pa.Schema":
    """The design as Arrow has it."""
    return table.frame([]).to_arrow().schema
