"""`openreason query`: SQL over the tables, one read-only view each."""

import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table

from openreason_dagster.commands.printable import plain, printable
from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.tables import Tables

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_SQL_TYPES = {pl.Int64: "BIGINT", pl.Float64: "DOUBLE", pl.Boolean: "BOOLEAN", pl.Datetime: "TIMESTAMPTZ"}


def connect(tables: Tables) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in memory with a view per table; no file outside the tables' folder can be read."""
    connection = duckdb.connect(":memory:")
    for name in TABLES:
        connection.execute(f'CREATE VIEW "{name}" AS {_select(tables, name)}')
    connection.execute(f"SET allowed_directories = [{_quoted(tables.root)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _select(tables: Tables, name: str) -> str:
    """SQL that reads the Parquet files of the table's latest version; names come from our own schemas."""
    table, stored = TABLES[name], tables.find(name)
    files = [] if stored is None else stored.file_uris()
    if not files:
        columns = ", ".join(f'NULL::{_SQL_TYPES.get(type(c.dtype), "VARCHAR")} AS "{c.name}"' for c in table.columns)
        return f"SELECT {columns} WHERE false"
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    partitions = ", ".join(f"'{column}': VARCHAR" for column in table.partition_by)
    hive = f", hive_partitioning = true, hive_types = {{{partitions}}}" if partitions else ""
    return f"SELECT {columns} FROM read_parquet([{', '.join(map(_quoted, files))}]{hive})"  # noqa: S608


def _require_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if len(kinds) != 1 or kinds[0] not in _READING:
        found = ", ".join(str(kind).rpartition(".")[2] for kind in kinds) or "none"
        raise TableError(f"one statement that reads is expected, such as SELECT or EXPLAIN; found: {found}.")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def query(tables: Tables, sql: str) -> pl.DataFrame:
    """Rows of one statement.

    Raises:
        TableError: the statement is not valid; known tables are named.
    """
    with connect(tables) as connection:
        try:
            _require_select(connection, sql)
            return pl.DataFrame(connection.sql(sql).to_arrow_table())
        except duckdb.Error as error:
            raise TableError(f"the query failed: {error}\nTables: {', '.join(sorted(TABLES))}.") from error


def print_rows(rows: pl.DataFrame, output: str, console: Console) -> None:
    """Print rows as a table for people, or as CSV or JSON lines for programs; a terminal gets no control characters."""
    if output in ("csv", "json"):
        text = rows.write_csv() if output == "csv" else rows.write_ndjson()
        console.file.write(printable(text) if console.file.isatty() else text)
    else:
        table = Table(*map(plain, rows.columns))
        for row in rows.iter_rows():
            table.add_row(*map(plain, row))
        console.print(table)
        console.print(f"{rows.height:,} rows")
