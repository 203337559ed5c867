"""The traces beside the report: which are chosen, what is known of each, and in which file it lies."""

import json

import polars as pl
import pytest
from example_tables import VERDICTS, small_run

from openreason_dagster.domain.release.trace_files import write_trace_files
from openreason_dagster.domain.release.trace_sample import LONGEST_TEXT, choose_traces, trace_details
from openreason_dagster.domain.schemas import TABLES

EMPTY = {name: table.frame([]).lazy() for name, table in TABLES.items()}
TABLES_OF_RUN = EMPTY | small_run()


def content(path):
    name, _, rest = path.read_text(encoding="utf-8").partition("(")
    assert name in ("openreason.index", "openreason.traces")
    return json.loads(rest.removesuffix(");\n"))


def written(folder, tables, size=1000, **sizes):
    write_trace_files(folder, tables, choose_traces(tables, size=size), **sizes)
    files = {int(path.stem.split("-")[1]): content(path) for path in folder.glob("traces-*.js")}
    return content(folder / "index.js"), files


def details_of(tables, size):
    return pl.concat(trace_details(tables, choose_traces(tables, size=size), rows_at_once=7))


@pytest.mark.parametrize("size", [1, 8, 9, 1000])
def test_choice_is_bounded_repeatable_and_spread(size):
    chosen = choose_traces(TABLES_OF_RUN, size=size)
    strata = sum(len(set(verdicts)) for verdicts in VERDICTS.values())
    assert chosen.height == min(size, 26)
    assert chosen.select("model", "temperature", "verdict").n_unique() == min(size, strata)
    reversed_tables = TABLES_OF_RUN | {"verified_traces": TABLES_OF_RUN["verified_traces"].reverse()}
    assert choose_traces(reversed_tables, size=size).equals(chosen)


def test_details_say_where_a_trace_went():
    details = details_of(TABLES_OF_RUN, size=1000)
    fates = dict(details.select("trace_id", "fate").iter_rows())
    assert fates["large-0.3-0"] == "SFT mix, validation"
    assert fates["large-0.3-1"] == "SFT mix, train"
    assert fates["large-0.3-3"] == "reasoning data; not in the mix: over_row_limit"
    assert fates["small-0.3-0"] == "dropped: not_correct"


def test_long_texts_are_cut_and_counted():
    tables = EMPTY | small_run(reasoning="x" * (LONGEST_TEXT + 7))
    (row,) = details_of(tables, size=1).to_dicts()
    assert len(row["reasoning"]) == LONGEST_TEXT
    assert row["reasoning_cut"] == 7


def test_index_and_files_hold_every_trace_as_it_is(tmp_path):
    index, files = written(tmp_path / "traces", TABLES_OF_RUN)
    sampled = TABLES_OF_RUN["sampled_traces"].collect()
    assert sorted(index["traces"]["id"]) == sorted(sampled["trace_id"])
    assert not (tmp_path / "traces" / ".buckets").exists()
    for place, trace_id in enumerate(index["traces"]["id"]):
        file = files[index["traces"]["file"][place]]
        (row,) = [row for row in file["rows"] if row["trace_id"] == trace_id]
        assert row["seed"] == str(2**62 + 1)
        assert row["reasoning"] == "so 2+3=5"
        assert json.loads(file["sampling_record"][row["sampling_record"]]) == {"top_p": 0.95}
        for facet in ("model", "temperature", "verdict", "domain"):
            assert index["values"][facet][index["traces"][facet][place]] == row[facet]


def many_prompts(prompts, reasoning):
    """The small run once per prompt."""
    run, names = small_run(reasoning=reasoning), [f"q{number:02d}" for number in range(prompts)]
    keyed = {
        name: pl.concat(
            [
                run[name].with_columns(
                    prompt_id=pl.lit(prompt),
                    **(
                        {"trace_id": pl.format("{}-{}", pl.lit(prompt), "trace_id")}
                        if "trace_id" in table.schema
                        else {}
                    ),
                )
                for prompt in names
            ]
        )
        for name, table in TABLES.items()
        if name in run and "prompt_id" in table.schema
    }
    return EMPTY | run | keyed


def test_a_prompt_lies_in_one_file_and_files_are_of_bounded_size(tmp_path):
    sizes = {"characters_per_file": 2_000, "files_per_bucket": 2}
    index, files = written(tmp_path / "traces", many_prompts(12, "x" * 99), **sizes)
    by_prompt = dict.fromkeys(index["traces"]["prompt"], 0)
    assert len(by_prompt) == 12
    assert (
        len({(prompt, file) for prompt, file in zip(index["traces"]["prompt"], index["traces"]["file"], strict=True)})
        == 12
    )
    assert len(files) > 5
    assert sum(len(file["rows"]) for file in files.values()) == 12 * 26
    assert list(range(len(files))) == sorted(files)


def test_nothing_to_read_has_an_index(tmp_path):
    index, files = written(tmp_path / "traces", EMPTY)
    assert index["traces"]["id"] == []
    assert files == {}


@pytest.mark.parametrize("text", ["</script><script>x()</script>", "<!--", "\u2028\u2029", "]]>", "&lt;", "\\\"'"])
def test_hostile_text_stays_text(tmp_path, text):
    tables = EMPTY | small_run(prompt=text, reasoning=text, answer=text)
    index, files = written(tmp_path / "traces", tables)
    assert files[0]["rows"][0]["reasoning"] == text
    assert index["prompts"]["start"] == [text]
    for path in (tmp_path / "traces").glob("*.js"):
        assert not set("<>&\u2028\u2029") & set(path.read_text(encoding="utf-8"))
