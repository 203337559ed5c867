"""Tables keep their schema, lose nothing when killed or full, and replace one partition at a time."""

import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from openreason_dagster.checks.schema import schema_differences
from openreason_dagster.domain.errors import SourceError, TableError
from openreason_dagster.domain.schemas import SCORED_TRACES, TABLES
from openreason_dagster.resources.tables import Tables


def rows(model, temperature, *ids):
    return SCORED_TRACES.frame(
        {
            "trace_id": identifier,
            "prompt_id": "p",
            "model": model,
            "temperature": temperature,
            "reward_accuracy": 1.0,
            "reward_format": 1.0,
            "reward_language_consistency": None,
            "reward_total": 2.0,
            "dominant_language": None,
            "reasoning_words": 0,
        }
        for identifier in ids
    )


@pytest.fixture
def tables(tmp_path):
    return Tables(root=str(tmp_path / "tables"))


def ids(tables, **keys):
    return sorted(tables.scan("scored_traces", **keys).collect()["trace_id"])


def test_every_table_is_created_empty_with_its_schema(tables):
    for name, table in TABLES.items():
        assert tables.scan(name).collect().schema == table.schema
        assert tables.open(name).metadata().partition_columns == list(table.partition_by)


def test_append_adds_and_replace_touches_one_partition(tables):
    tables.append("scored_traces", rows("a", "0.3", "1", "2"))
    tables.append("scored_traces", rows("a'b", "0.6", "3"))
    tables.replace("scored_traces", rows("a", "0.3", "4"), model="a", temperature="0.3")
    assert ids(tables) == ["3", "4"]
    tables.replace("scored_traces", rows("a'b", "0.6"), model="a'b", temperature="0.6")
    assert ids(tables) == ["4"]
    assert ids(tables, model="a", temperature=["0.3", "0.6"]) == ["4"]


def test_replace_streams_and_is_one_commit(tables):
    before = tables.version("scored_traces")
    stream = (rows("a", "0.3", str(number)) for number in range(5))
    tables.replace("scored_traces", stream, model="a", temperature="0.3")
    assert ids(tables) == ["0", "1", "2", "3", "4"]
    assert tables.version("scored_traces") == before + 1


def test_replace_producer_may_read_other_tables(tables):
    tables.append("scored_traces", rows("a", "0.3", "1"))

    def copied():
        yield tables.scan("scored_traces", temperature="0.3").with_columns(temperature=pl.lit("0.6")).collect()

    tables.replace("scored_traces", copied(), model="a", temperature="0.6")
    assert ids(tables) == ["1", "1"]


def test_replace_failing_producer_changes_nothing_and_names_the_cause(tables):
    tables.append("scored_traces", rows("a", "0.3", "1"))

    def broken():
        yield rows("a", "0.3", "2")
        raise SourceError("line 7 is not JSON")

    with pytest.raises(SourceError, match="line 7"):
        tables.replace("scored_traces", broken(), model="a", temperature="0.3")
    assert ids(tables) == ["1"]


def test_replace_rows_of_another_partition_are_refused(tables):
    with pytest.raises(TableError, match="validation"):
        tables.replace("scored_traces", rows("b", "0.3", "1"), model="a", temperature="0.3")


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        pytest.param(lambda frame: frame.drop("model"), "missing columns ['model']", id="missing"),
        pytest.param(lambda frame: frame.with_columns(extra=1), "unknown columns ['extra']", id="unknown"),
        pytest.param(
            lambda frame: frame.with_columns(pl.col("reasoning_words").cast(pl.Int32)),
            "reasoning_words: Int32 instead of Int64",
            id="other-type",
        ),
        pytest.param(
            lambda frame: frame.with_columns(prompt_id=pl.lit(None, pl.String)),
            "null values in {'prompt_id': 1}",
            id="null",
        ),
    ],
)
def test_append_other_schema_is_refused(tables, change, fragment):
    with pytest.raises(TableError) as caught:
        tables.append("scored_traces", change(rows("a", "0.3", "1")))
    assert fragment in str(caught.value)
    assert ids(tables) == []


def test_unknown_table_lists_known_ones(tables):
    with pytest.raises(TableError, match=r"known tables:.*sampled_traces"):
        tables.scan("sampled_trace")


def test_schema_check_finds_a_column_added_by_another_tool(tables):
    assert schema_differences(tables, "scored_traces") == {}
    stranger = rows("a", "0.3", "1").with_columns(extra=pl.lit(1))
    write_deltalake(tables.open("scored_traces"), stranger, mode="append", schema_mode="merge")
    assert list(schema_differences(tables, "scored_traces")) == ["extra"]


def test_delete_counts_and_compact_keeps_rows(tables):
    for number in range(6):
        tables.append("scored_traces", rows("a", "0.3", str(number)))
    assert tables.delete("scored_traces", "trace_id = '0'") == 1
    assert dict(tables.compact())["scored_traces"] > 0
    assert ids(tables) == ["1", "2", "3", "4", "5"]


WRITER = """
import sys
from openreason_dagster.resources.tables import Tables
sys.path.insert(0, {here!r})
from test_tables import rows
tables = Tables(root={root!r})
number = 0
while True:
    tables.append("scored_traces", rows("a", "0.3", *(f"{{number}}-{{row}}" for row in range(50))))
    print(number, flush=True)
    number += 1
"""


def start_writer(root, limit_bytes=None):
    code = textwrap.dedent(WRITER).format(root=root, here=str(Path(__file__).parent))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit if limit_bytes else None,
    )


def test_killed_writer_leaves_whole_commits(tables):
    with start_writer(tables.root) as writer:
        committed = [int(writer.stdout.readline()) for _ in range(5)][-1]
        writer.kill()
    per_commit = tables.scan("scored_traces").collect()["trace_id"].str.split("-").list.first().value_counts()
    assert set(per_commit["count"]) == {50}
    assert per_commit.height >= committed + 1


def test_full_disk_is_named_and_loses_nothing(tables):
    tables.append("scored_traces", rows("a", "0.3", "before"))
    with start_writer(tables.root, limit_bytes=1500) as writer:
        _, errors = writer.communicate(timeout=60)
    assert writer.returncode == 1
    assert "TableError: table 'scored_traces' cannot be written" in errors
    assert "free disk space" in errors
    assert "before" in ids(tables)
