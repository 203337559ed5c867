"""A row's hash is that of its content, whatever wrote the file."""

import polars as pl
import pytest

from openreason_dagster.domain.release.row_hashes import hashed_rows, rows_hash

ROWS = pl.DataFrame(
    {"trace_id": ["a", "b"], "messages": [[{"role": "user", "content": "π"}], []], "reward_total": [3.0, None]},
    schema_overrides={"messages": pl.List(pl.Struct({"role": pl.String, "content": pl.String}))},
)


def write(path, rows, **options):
    rows.write_parquet(path, **options)
    return path


def test_other_bytes_of_the_same_rows_have_the_same_hash(tmp_path):
    one = write(tmp_path / "one.parquet", ROWS, compression="zstd")
    other = write(tmp_path / "other.parquet", ROWS, compression="snappy", row_group_size=1)
    assert one.read_bytes() != other.read_bytes()
    assert rows_hash(one) == rows_hash(other)
    assert rows_hash(one) == rows_hash(write(tmp_path / "turned.parquet", ROWS.select(reversed(ROWS.columns))))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(ROWS.reverse(), id="order"),
        pytest.param(ROWS.head(1), id="row-missing"),
        pytest.param(ROWS.with_columns(reward_total=pl.lit(3.0)), id="value"),
        pytest.param(ROWS.rename({"reward_total": "reward"}), id="column-name"),
    ],
)
def test_any_change_has_another_hash(tmp_path, changed):
    original = rows_hash(write(tmp_path / "one.parquet", ROWS))
    assert rows_hash(write(tmp_path / "other.parquet", changed)) != original


def test_rows_are_hashed_one_by_one(tmp_path):
    first = dict(hashed_rows(write(tmp_path / "one.parquet", ROWS)))
    other = dict(hashed_rows(write(tmp_path / "other.parquet", ROWS.reverse())))
    assert first == other
    assert len(set(first.values())) == 2
