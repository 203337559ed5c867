"""What an asset tells the web UI: column schemas, row counts, previews, pictures, and events per partition."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from openreason_dagster.domain.release.plots import to_png
from openreason_dagster.domain.schemas import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PREVIEW_ROWS = 5
_PREVIEW_CHARACTERS = 160


def definition_metadata(table: Table) -> dict[str, Any]:
    """Column names, types and meanings: the Columns table on the asset's page."""
    columns = [
        dg.TableColumn(
            column.name,
            str(column.dtype),
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns), "dagster/table_name": table.name}


def preview(rows: pl.DataFrame) -> dg.MetadataValue[Any]:
    """The first rows as a table, long texts cut."""
    return every_row(rows.head(_PREVIEW_ROWS))


def every_row(rows: pl.DataFrame) -> dg.MetadataValue[Any]:
    """All rows of a small frame as a table, long texts cut."""
    records = [
        dg.TableRecord({name: _short(value) for name, value in row.items()}) for row in rows.iter_rows(named=True)
    ]
    return dg.MetadataValue.table(records, schema=dg.TableSchema([dg.TableColumn(name) for name in rows.columns]))


def picture(draw: "Callable[[pl.DataFrame], Figure]", rows: pl.DataFrame, caption: str) -> dg.MetadataValue[Any]:
    """A figure of the rows that the UI shows; small, because it is stored in the event log."""
    if rows.is_empty():
        return dg.MetadataValue.text("no rows to draw")
    png = b64encode(to_png(draw(rows))).decode()
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{png})")


def announce_partition(context: dg.AssetExecutionContext, key: str, numbers: Mapping[str, float]) -> None:
    """Record at once that one partition is done: it turns green while the run goes on, and stands if the run fails."""
    context.log_event(dg.AssetMaterialization(asset_key=context.asset_key, partition=key, metadata=dict(numbers)))


def report_partition(context: dg.AssetExecutionContext, key: str, metadata: Mapping[str, Any]) -> None:
    """Announce a partition with its numbers, and keep tables and pictures too for the run's final event."""
    numbers = {name: value for name, value in metadata.items() if isinstance(value, int | float)}
    announce_partition(context, key, numbers)
    context.add_asset_metadata(dict(metadata), partition_key=key)


def _short(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, int | float | bool):
        return value
    text = str(value)
    return text if len(text) <= _PREVIEW_CHARACTERS else text[:_PREVIEW_CHARACTERS] + "…"
