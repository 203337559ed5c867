"""The written contract and the schemas say the same."""

from pathlib import Path

import pytest

from openreason_dagster.domain.schemas import TABLES

CONTRACT = Path("docs/data-contracts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_contract_describes_every_column(name):
    section = CONTRACT.split(f"\n## {name}\n")[1].split("\n## ")[0]
    table = TABLES[name]
    assert table.description in section
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == table.schema.names()
    for row, column in zip(rows, table.columns, strict=True):
        assert column.description in row
        assert (" yes |" in row) == column.nullable


def test_contract_describes_no_other_table():
    assert CONTRACT.count("\n## ") == len(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_partition_columns_exist_and_come_from_the_design(name):
    known = {"source", "model", "temperature", "recipe", "verifier", "role", "method", "stage", "reward"}
    assert set(TABLES[name].partition_by) <= known
    assert set(TABLES[name].partition_by) <= set(TABLES[name].schema)
