"""Every table on disk still has the columns and types it was designed with."""

from collections.abc import Iterable

import dagster as dg
import polars as pl

from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.tables import Tables


def schema_checks(names: Iterable[str]) -> list[dg.AssetChecksDefinition]:
    """One blocking check per table, named `<table>_has_its_schema`."""
    return [_schema_check(name) for name in names]


def schema_differences(tables: Tables, name: str) -> dict[str, str]:
    """Columns of the table on disk that differ from the design, with what was found and expected."""
    found = pl.scan_delta(tables.open(name)).collect_schema()
    expected = TABLES[name].schema
    return {
        column: f"found {found.get(column, 'nothing')}, expected {expected.get(column, 'nothing')}"
        for column in sorted(set(found) | set(expected))
        if found.get(column) != expected.get(column)
    }


def _schema_check(name: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=name,
        name=f"{name}_has_its_schema",
        blocking=True,
        description="The table on disk has the columns and types of the design.",
    )
    def check(tables: Tables) -> dg.AssetCheckResult:
        differences = schema_differences(tables, name)
        return dg.AssetCheckResult(passed=not differences, metadata={"differences": dg.MetadataValue.json(differences)})

    return check
