import io
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.row_files.read_rows import UnreadableRow, read_rows
from openreason_dagster.domain.row_files.write_rows import row_writer

ADDED = {"mark": pl.String()}
VALUES = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text() | st.lists(st.text(max_size=3), max_size=3)
)


def read(text):
    return list(read_rows(io.BytesIO(text), where="test"))


def test_blank_lines_and_a_byte_order_mark_are_skipped():
    assert read(b'\xef\xbb\xbf{"a": 1}\n\n  \n{"a": 2}') == [{"a": 1}, {"a": 2}]


def test_numbers_that_json_does_not_know_are_null():
    assert read(b'{"a": NaN, "b": -Infinity}') == [{"a": None, "b": None}]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="deep nesting"),
        pytest.param(b'{"a": ' + b"9" * 5_000 + b"}", id="number with thousands of digits"),
        pytest.param(b"null", id="null"),
    ],
)
def test_line_that_is_no_row_has_its_number_and_a_reason(line):
    good, bad = read(b'{"a": 1}\n' + line + b"\n")
    assert good == {"a": 1}
    assert isinstance(bad, UnreadableRow)
    assert bad.reason.startswith("line 2: ")
    assert len(bad.reason) < 500


@given(st.lists(st.dictionaries(st.text(min_size=1), VALUES, max_size=4), min_size=1, max_size=5))
def test_rows_come_back_as_they_were_written(rows):
    stream = io.BytesIO()
    with row_writer(stream, {}) as write:
        write(rows)
    assert read(stream.getvalue()) == json.loads(json.dumps(rows))


def write_batches(path, *batches):
    with row_writer(path, ADDED) as write:
        for batch in batches:
            write(batch)


def test_no_file_is_left_when_the_work_fails(tmp_path):
    with pytest.raises(TypeError):
        write_batches(tmp_path / "out.jsonl", [{"a": 1}], None)
    assert list(tmp_path.iterdir()) == []


def test_file_of_the_name_stays_as_it_was_until_the_new_one_is_whole(tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    with row_writer(output, ADDED) as write:
        write([{"a": 1}])
        assert output.read_text() == "old"
    assert output.read_text() == '{"a": 1}\n'


def test_parquet_batches_share_the_columns_of_the_first(tmp_path):
    with row_writer(tmp_path / "out.parquet", ADDED) as write:
        write([{"a": 1, "b": None, "mark": None}])
        write([{"b": "later", "mark": "x"}])
    assert pl.read_parquet(tmp_path / "out.parquet").to_dicts() == [
        {"a": 1, "b": None, "mark": None},
        {"a": None, "b": "later", "mark": "x"},
    ]


def test_parquet_without_rows_has_the_added_columns(tmp_path):
    with row_writer(tmp_path / "out.parquet", ADDED):
        pass
    assert pl.read_parquet(tmp_path / "out.parquet").schema == ADDED


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param({"a": 1, "c": 2, "mark": None}, "found the column 'c' after rows without it", id="new column"),
        pytest.param({"a": "text", "mark": None}, "does not fit the columns of the first rows", id="other type"),
    ],
)
def test_row_that_does_not_fit_a_parquet_file(tmp_path, row, reason):
    with pytest.raises(ReleaseError, match=reason):
        write_batches(tmp_path / "out.parquet", [{"a": 1, "mark": None}], [row])
    assert list(tmp_path.iterdir()) == []
