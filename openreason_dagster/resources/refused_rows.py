"""What rows must be like to be written to a table; others are refused."""

import polars as pl

from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.schemas import Table
from openreason_dagster.resources.predicates import partition_predicate


def require_partition_columns(table: Table, keys: dict[str, str]) -> None:
    """Refuse keys by which whole files cannot be told apart.

    Raises:
        TableError: a key is no partition column.
    """
    finer = sorted(set(keys) - set(table.partition_by))
    if finer:
        raise TableError(
            f"rows of table {table.name!r} cannot be replaced by {finer} from a stream, because whole files are taken "
            f"over: expected keys among its partition columns {list(table.partition_by)}. Give one frame instead."
        )


def require_keys(name: str, rows: pl.DataFrame, keys: dict[str, str]) -> None:
    """Refuse rows that lie outside the keys that they replace.

    Raises:
        TableError: with how many do.
    """
    inside = rows.filter(*(pl.col(column) == value for column, value in keys.items())).height
    if inside < rows.height:
        raise TableError(
            f"rows for table {name!r} were refused: {rows.height - inside} of {rows.height} lie outside the partition "
            f"{partition_predicate(keys)}. Write each partition by itself."
        )


def require_schema(table: Table, rows: pl.DataFrame) -> None:
    """Refuse rows that have not exactly the table's columns, or null where it has none.

    Raises:
        TableError: with what is missing, unknown or of another type.
    """
    if rows.schema != table.schema:
        expected, found = dict(table.schema), dict(rows.schema)
        missing = [name for name in expected if name not in found]
        unknown = [name for name in found if name not in expected]
        other = [
            f"{n}: {found[n]} instead of {expected[n]}" for n in expected if n in found and found[n] != expected[n]
        ]
        raise TableError(
            f"rows for table {table.name!r} were refused: missing columns {missing}, unknown columns {unknown}, "
            f"other types {other or 'none'}, or another order. Expected exactly {list(expected)}."
        )
    required = [column.name for column in table.columns if not column.nullable]
    nulls = {name: count for name, count in rows.select(required).null_count().row(0, named=True).items() if count}
    if nulls:
        raise TableError(f"rows for table {table.name!r} were refused: null values in {nulls}, which must not be null.")
