"""Tables keep their schema, lose nothing when killed or full, and replace one partition at a time."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from openreason_dagster.checks.schema import schema_differences
from openreason_dagster.domain.errors import SourceError, TableError
from openreason_dagster.domain.schemas import SCORED_TRACES, SEED_PROMPTS, SFT_MIX_DROPPED, TABLES
from openreason_dagster.resources.recorded_tables import RecordedTables
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


def data_files(tables):
    return sorted(Path(tables.uri("scored_traces")).rglob("*.parquet"))


def test_reading_a_table_that_does_not_exist_creates_nothing(tables):
    for name, table in TABLES.items():
        assert tables.scan(name).collect().equals(table.frame([]))
        assert tables.find(name) is None
        assert tables.version(name) == 0
        assert tables.compact(name) == tables.vacuum(name, keep_hours=0, keep_versions=set()) == 0
    assert not Path(tables.root).exists()


def test_every_table_is_created_empty_with_its_schema(tables):
    for name, table in TABLES.items():
        tables.open(name)
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
    assert len(data_files(tables)) == 1


def test_replace_rows_of_another_partition_are_refused(tables):
    tables.append("scored_traces", rows("a", "0.3", "1"))
    with pytest.raises(TableError, match="1 of 1 lie outside the partition model = 'a'"):
        tables.replace("scored_traces", rows("b", "0.3", "2"), model="a", temperature="0.3")
    assert ids(tables) == ["1"]
    assert len(data_files(tables)) == 1


@pytest.mark.parametrize("model", ["a'b", "a/b:c", "50%", "é x", "a=b?#&", "../a", "%2F"])
def test_replace_by_a_stream_finds_a_partition_of_any_name(tables, model):
    tables.append("scored_traces", rows(model, "0.3", "1"))
    tables.replace("scored_traces", iter([rows(model, "0.3", "2")]), model=model, temperature="0.3")
    assert ids(tables, model=model) == ids(tables) == ["2"]
    tables.vacuum("scored_traces", keep_hours=0, keep_versions=set())
    assert len(data_files(tables)) == 1
    assert ids(tables) == ["2"]


def test_replace_by_a_part_of_a_partition_leaves_the_rest(tables):
    tables.append("scored_traces", rows("a", "0.3", "1", "2"))
    tables.replace("scored_traces", rows("a", "0.3", "2"), model="a", trace_id="2")
    tables.replace("scored_traces", rows("a", "0.3", "3"), model="a", trace_id="3")
    assert ids(tables) == ["1", "2", "3"]


def test_replace_by_a_stream_refuses_a_part_of_a_partition(tables):
    tables.append("scored_traces", rows("a", "0.3", "1", "2"))
    with pytest.raises(TableError, match=r"by \['trace_id'\] from a stream"):
        tables.replace("scored_traces", iter([rows("a", "0.3", "2")]), model="a", trace_id="2")
    assert ids(tables) == ["1", "2"]


@pytest.mark.parametrize("column", ["trace_id", "reward_total", "dominant_language"])
def test_rows_replaced_by_a_stream_are_found_by_any_column(tables, column):
    streamed = pl.concat([rows("a", "0.3", "1"), rows("b", "0.6", "2").with_columns(dominant_language=pl.lit("en"))])
    tables.replace("scored_traces", streamed.iter_slices(1))
    for value in streamed[column].unique():
        expected = streamed.filter(pl.col(column).eq_missing(value))
        found = tables.scan("scored_traces").filter(pl.col(column).eq_missing(value)).collect()
        assert found.sort("trace_id").equals(expected)
        assert tables.scan("scored_traces").filter(pl.col(column).is_not_null()).select(pl.len()).collect().item() == (
            streamed[column].count()
        )


def test_replace_takes_rows_away_that_came_while_it_wrote(tables):
    def late():
        yield rows("a", "0.3", "2")
        tables.append("scored_traces", rows("a", "0.3", "1"))

    tables.replace("scored_traces", late(), model="a", temperature="0.3")
    assert ids(tables) == ["2"]


def test_those_who_replace_a_new_partition_by_streams_leave_the_rows_of_one(tables):
    with ThreadPoolExecutor(max_workers=4) as pool:
        work = [
            pool.submit(
                tables.replace,
                "scored_traces",
                iter([rows("a", "0.3", f"{name}1"), rows("a", "0.3", f"{name}2")]),
                model="a",
                temperature="0.3",
            )
            for name in "wxyz"
        ]
        for one in work:
            one.result()
    first, second = ids(tables)
    assert (first[0], first[1], second[1]) == (second[0], "1", "2")


def test_replace_of_the_whole_table_keeps_its_partitions_apart(tables):
    tables.append("scored_traces", rows("c", "0.3", "1"))
    whole = pl.concat([rows("a", "0.3", "2"), rows("b", "0.6", "3"), rows("a", "0.3", "4")])
    tables.replace("scored_traces", iter([whole, rows("a", "0.3", "5")]))
    assert ids(tables, model="a", temperature="0.3") == ["2", "4", "5"]
    assert ids(tables) == ["2", "3", "4", "5"]
    tables.replace("scored_traces", rows("a", "0.3"), model="a", temperature="0.3")
    assert ids(tables) == ["3"]


def test_files_hold_the_rows_of_the_table_once(tables):
    assert tables.files("sft_mix_dropped") == []
    for name in ("a", "b"):
        tables.append("sft_mix_dropped", SFT_MIX_DROPPED.frame([dict.fromkeys(SFT_MIX_DROPPED.schema, name)]))
    tables.delete("sft_mix_dropped", "trace_id = 'b'")
    (file,) = tables.files("sft_mix_dropped")
    assert SFT_MIX_DROPPED.complete(pl.scan_parquet(file)).collect().equals(tables.scan("sft_mix_dropped").collect())


def test_replace_by_no_rows_empties_the_table(tables):
    tables.append("scored_traces", rows("a", "0.3", "1"))
    tables.replace("scored_traces", iter(()))
    assert ids(tables) == []


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


def prompt(identifier, source, topic):
    texts = {column.name: "x" for column in SEED_PROMPTS.columns}
    return SEED_PROMPTS.frame([texts | {"prompt_id": identifier, "source": source, "topic": topic}])


@pytest.fixture
def older(tables):
    """Tables in which two sources and a pool were written before prompts had a topic."""
    for source in ("a", "b"):
        rows = prompt(source, source, None).drop("topic")
        write_deltalake(tables.uri("seed_prompts"), rows, mode="append", partition_by=["source"])
    write_deltalake(tables.uri("prompt_pool"), prompt("a", "a", None).drop("topic"))
    return tables


def test_a_column_that_older_rows_lack_is_null(older):
    assert older.scan("seed_prompts").collect().schema == SEED_PROMPTS.schema
    assert older.scan("seed_prompts", source="a").collect().equals(prompt("a", "a", None))
    (file,) = older.files("prompt_pool")
    assert TABLES["prompt_pool"].complete(pl.scan_parquet(file)).collect().equals(prompt("a", "a", None))
    assert older.version("prompt_pool") == 0


def test_older_rows_stay_when_a_source_is_written_with_the_new_column(older):
    older.replace("seed_prompts", [prompt("b2", "b", "algebra")], source="b")
    assert dict(older.scan("seed_prompts").select("prompt_id", "topic").collect().rows()) == {
        "a": None,
        "b2": "algebra",
    }
    assert schema_differences(older, "seed_prompts") == {}
    older.replace("prompt_pool", prompt("b2", "b", "algebra"))
    assert older.scan("prompt_pool").collect().equals(prompt("b2", "b", "algebra"))


def test_older_versions_are_read_after_a_column_was_added(older, tmp_path):
    older.replace("prompt_pool", prompt("b2", "b", "algebra"))
    recorded = RecordedTables(root=str(tmp_path / "again"), recorded_root=older.root, versions={"prompt_pool": 0})
    assert recorded.scan("prompt_pool").collect().equals(prompt("a", "a", None))


def test_writers_that_add_the_same_column_at_once_both_write(older):
    with ThreadPoolExecutor(4) as threads:
        written = [threads.submit(older.append, "prompt_pool", prompt(str(n), "a", "t")) for n in range(4)]
    assert [one.result() for one in written] == [None] * 4
    assert older.scan("prompt_pool").collect()["topic"].drop_nulls().len() == 4


def test_a_column_that_must_not_be_null_is_not_made_up(tables):
    write_deltalake(tables.uri("prompt_pool"), prompt("a", "a", None).drop("license"))
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="license"):
        tables.scan("prompt_pool").collect()


def test_delete_counts_and_compact_keeps_rows(tables):
    for number in range(6):
        tables.append("scored_traces", rows("a", "0.3", str(number)))
    assert tables.delete("scored_traces", "trace_id = '0'") == 1
    assert tables.compact("scored_traces") > 0
    assert ids(tables) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda log: (log / f"{0:020d}.json").write_text("garbage"), id="log-that-is-not-json"),
        pytest.param(lambda log: (log / f"{0:020d}.json").write_text(""), id="empty-log"),
        pytest.param(lambda log: (log.rename(log.with_name("away")), log.write_text("x")), id="file-in-place-of-log"),
    ],
)
def test_damaged_table_is_named_with_a_remedy(tables, damage):
    tables.append("scored_traces", rows("a", "0.3", "1"))
    damage(Path(tables.uri("scored_traces")) / "_delta_log")
    for use in (tables.scan, tables.open, tables.version):
        with pytest.raises(
            TableError, match=r"'scored_traces' cannot be read: .*scored_traces'\. .*run the recipe again"
        ):
            use("scored_traces")


@pytest.mark.parametrize("closed", ["scored_traces", "scored_traces/_delta_log"])
def test_table_without_permission_is_named(tables, closed):
    tables.append("scored_traces", rows("a", "0.3", "1"))
    root, folder = Path(tables.root), Path(tables.root) / closed
    code = (
        "import os\n"
        "from openreason_dagster.resources.tables import Tables\n"
        f"tables = Tables(root={tables.root!r})\n"
        "if os.getuid() == 0:\n    os.setuid(65534)\n"
        "tables.scan('scored_traces')\n"
    )
    for parent in (root, root.parent, root.parent.parent, root.parent.parent.parent):
        parent.chmod(0o755)
    folder.chmod(0)
    try:
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    finally:
        folder.chmod(0o755)
    assert "TableError: table 'scored_traces' cannot be read" in result.stderr
    assert "Check its permissions" in result.stderr


def test_vacuum_keeps_what_versions_need(tables):
    tables.append("scored_traces", rows("a", "0.3", "1"))
    released = tables.version("scored_traces")
    tables.replace("scored_traces", rows("a", "0.3", "2"))
    between = tables.version("scored_traces")
    tables.replace("scored_traces", rows("a", "0.3", "3"))
    files = set(Path(tables.uri("scored_traces")).rglob("*.parquet"))
    assert tables.vacuum("scored_traces", keep_hours=1, keep_versions=set()) == 0
    assert tables.vacuum("scored_traces", keep_hours=0, keep_versions={released, 99}) == 1
    assert len(files - set(Path(tables.uri("scored_traces")).rglob("*.parquet"))) == 1
    at = {number: pl.scan_delta(tables.uri("scored_traces"), version=number) for number in (released, between)}
    assert at[released].collect()["trace_id"].to_list() == ["1"]
    with pytest.raises(FileNotFoundError):
        at[between].collect()
    assert ids(tables) == ["3"]


def test_versions_stay_readable_when_their_log_is_old(tables):
    for number in range(99):  # Delta's own log clean-up comes with the checkpoint at every hundredth commit
        tables.append("scored_traces", rows("a", "0.3", str(number)))
    for file in (Path(tables.uri("scored_traces")) / "_delta_log").iterdir():
        os.utime(file, (0, 0))
    for _ in range(3):
        tables.append("scored_traces", rows("a", "0.3", "late"))
    assert pl.scan_delta(tables.uri("scored_traces"), version=1).collect()["trace_id"].to_list() == ["0"]


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
        preexec_fn=limit if limit_bytes else None,  # noqa: PLW1509 - the parent runs no other thread
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
