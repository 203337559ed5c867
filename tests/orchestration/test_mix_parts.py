"""A mix that is written in parts holds the rows of one that is written at once."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openreason_dagster.domain.datasets.components import component_rows, mixed_conversations
from openreason_dagster.domain.each_part import file_parts, one_by_one
from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.schemas import MESSAGES, TABLES
from openreason_dagster.resources.mix_parts import replace_mix_in_parts
from openreason_dagster.resources.tables import Tables

TIME, NOW = TABLES["sampled_traces"].schema["sampled_at"], datetime(2025, 6, 1, tzinfo=UTC)
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def frame(name, *rows):
    """Rows of a table; texts and numbers that are left out are filled with something."""
    blank = {pl.String(): "x", pl.Int64(): 1, pl.Float64(): 1.0, MESSAGES: TURNS, TIME: NOW}
    default = {column.name: blank[column.dtype] for column in TABLES[name].columns if column.dtype in blank}
    fields = TABLES[name].schema.names()
    return TABLES[name].frame([{key: (default | row).get(key) for key in fields} for row in rows])


@pytest.fixture
def tables(tmp_path):
    found = Tables(root=str(tmp_path))
    ids = [f"t{number}" for number in range(12)]
    for temperature in ("0.3", "1.2"):
        keys = [{"trace_id": f"{name}-{temperature}", "prompt_id": f"p{number % 5}"} for number, name in enumerate(ids)]
        sampled = [row | {"temperature": temperature, "reasoning": "so " * place} for place, row in enumerate(keys)]
        found.append("sampled_traces", frame("sampled_traces", *sampled[:7]))
        found.append("sampled_traces", frame("sampled_traces", *sampled[7:]))
        found.append("reasoning_data", frame("reasoning_data", *(row | {"temperature": temperature} for row in keys)))
    found.append("cold_start_data", frame("cold_start_data", {"trace_id": "w1", "prompt_id": "p1"}))
    chat = {"trace_id": "c1", "prompt_id": "p9", "source": "chat"}
    found.append("non_reasoning_data", frame("non_reasoning_data", chat, chat | {"trace_id": "c2"}))
    found.append("prompt_pool", frame("prompt_pool", *({"prompt_id": f"p{n}", "prompt": f"{n}?"} for n in range(5))))
    return found


def chosen_of(tables, without=("t3-0.3", "c2")):
    parts = {name: tables.scan(name) for name in TABLES}
    rows = component_rows(parts).collect().with_columns(split=pl.lit("train"))
    return rows.filter(~pl.col("trace_id").is_in(without)), parts


def twice(function, parts, **shared):
    for part in parts:
        function(part, **shared)
        yield function(part, **shared)


@pytest.mark.parametrize("each", [one_by_one, twice], ids=["once", "again-after-a-loss"])
def test_rows_are_those_of_a_mix_written_at_once(tables, each):
    chosen, parts = chosen_of(tables)
    version = tables.version("sft_mix")
    replace_mix_in_parts(tables, chosen, parts, each=each)
    found = tables.scan("sft_mix").collect()
    assert tables.version("sft_mix") == version + 1
    assert_frame_equal(found, pl.concat(mixed_conversations(chosen, parts)), check_row_order=False)
    assert sorted(found["trace_id"]) == sorted(chosen["trace_id"])
    assert set(found["component"]) == {"reasoning_data", "cold_start_data", "non_reasoning_data"}


def test_rows_that_were_there_are_replaced_also_by_none(tables):
    chosen, parts = chosen_of(tables)
    for rows in (chosen, chosen.head(2), chosen.clear()):
        replace_mix_in_parts(tables, rows, parts, each=one_by_one)
        assert sorted(tables.scan("sft_mix").collect()["trace_id"]) == sorted(rows["trace_id"])


def test_files_in_a_folder_that_only_the_part_sees_are_no_commit(tables):
    chosen, parts = chosen_of(tables)
    replace_mix_in_parts(tables, chosen, parts, each=one_by_one)
    folder = Path(tables.uri("sft_mix"))
    before = set(folder.iterdir())

    def elsewhere(function, files, **shared):
        for part in files:
            yield function(part, **shared)
            for staged in set(folder.iterdir()) - before:
                shutil.rmtree(staged)

    with pytest.raises(TableError, match="must see the same folder"):
        replace_mix_in_parts(tables, chosen.head(3), parts, each=elsewhere)
    assert tables.scan("sft_mix").collect().height == chosen.height


@pytest.mark.parametrize(
    ("files", "most", "sizes"),
    [
        pytest.param(0, 3, [], id="none"),
        pytest.param(3, 3, [1, 1, 1], id="one-each"),
        pytest.param(7, 3, [3, 3, 1], id="several-each"),
    ],
)
def test_files_make_a_limited_number_of_parts(files, most, sizes):
    parts = list(file_parts([str(number) for number in range(files)], most=most))
    assert [part.height for part in parts] == sizes
    assert [path for part in parts for path in part["path"]] == [str(number) for number in range(files)]
