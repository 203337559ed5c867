import contextlib
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.provenance import prompt_id
from openreason_dagster.domain.recipe_sources import FileSource
from openreason_dagster.domain.schemas import SEED_PROMPTS, SEED_PROMPTS_DROPPED
from openreason_dagster.domain.seeds.read_source import AnySource, seed_prompts

DATA = Path(__file__).parents[2] / "data"
GSM8K_COLUMNS = {"prompt": "question", "answer": "answer", "solution": "answer"}
HASHES = {"rule": "after_marker", "marker": "####"}
ROWS = [
    {"q": "What is 1 + 1?", "a": "2"},
    {"q": "What is 2 + 2?", "a": "4"},
    {"q": "What is 3 + 3?", "a": "6"},
]


def file_source(path: str, **changes: Any) -> FileSource:
    values = {
        "kind": "file",
        "name": "sums",
        "license": "MIT",
        "domain": "math",
        "verifier": "math",
        "path": path,
        "columns": {"prompt": "q", "answer": "a"},
    }
    return FileSource.model_validate(values | changes)


def read(source: AnySource, folder: Path, batch_rows: int = 100) -> tuple[pl.DataFrame, pl.DataFrame]:
    batches = list(seed_prompts(source, folder, batch_rows=batch_rows))
    return pl.concat([batch.prompts for batch in batches]), pl.concat([batch.dropped for batch in batches])


def write_jsonl(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_jsonl_gz(path: Path, rows: list[Any]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def write_csv_gz(path: Path, rows: list[Any]) -> None:
    path.write_bytes(gzip.compress(pl.DataFrame(rows).write_csv().encode()))


def write_parquet_gz(path: Path, rows: list[Any]) -> None:
    pl.DataFrame(rows).write_parquet(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.jsonl", write_jsonl),
        ("rows.jsonl.gz", write_jsonl_gz),
        ("rows.csv", lambda path, rows: pl.DataFrame(rows).write_csv(path)),
        ("rows.csv.gz", write_csv_gz),
        ("rows.parquet", lambda path, rows: pl.DataFrame(rows).write_parquet(path)),
        ("rows.parquet.gz", write_parquet_gz),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(
    tmp_path: Path, name: str, write: Callable[[Path, list[Any]], None]
) -> None:
    write(tmp_path / name, ROWS)
    prompts, dropped = read(file_source(name), tmp_path)
    assert prompts.schema == SEED_PROMPTS.schema
    assert dropped.schema == SEED_PROMPTS_DROPPED.schema
    assert prompts["prompt"].to_list() == [row["q"] for row in ROWS]
    assert prompts["reference_answer"].to_list() == ["2", "4", "6"]
    assert prompts["source_row_id"].to_list() == ["0", "1", "2"]
    assert dropped.is_empty()


def test_gsm8k_rows_carry_all_that_the_source_says() -> None:
    source = file_source("gsm8k/train.jsonl", columns=GSM8K_COLUMNS, answer_extraction=HASHES)
    prompts, dropped = read(source, DATA)
    first = prompts.row(0, named=True)
    assert (prompts.height, dropped.height) == (40, 0)
    assert first["prompt"].startswith("Natalia sold clips")
    assert first["solution"].endswith("#### 72")
    assert {name: first[name] for name in ("reference_answer", "domain", "language", "license", "verifier_spec")} == {
        "reference_answer": "72",
        "domain": "math",
        "language": "en",
        "license": "MIT",
        "verifier_spec": "{}",
    }
    assert first["prompt_id"] == prompt_id(first["prompt"], "math", "{}")


def test_chinese_and_latex_texts_come_through_unchanged() -> None:
    chinese, _ = read(
        file_source("cmath_zh/test.jsonl", columns={"prompt": "question", "answer": "golden"}, language="zh"), DATA
    )
    latex, _ = read(
        file_source(
            "math500/test.jsonl",
            columns={"prompt": "problem", "answer": "solution", "id": "unique_id"},
            answer_extraction={"rule": "last_boxed"},
        ),
        DATA,
    )
    assert chinese["prompt"][0] == "妈咪买了3盒茶叶，一盒茶叶有6小包，一共买了多少小包茶叶？"
    assert chinese["language"].unique().to_list() == ["zh"]
    assert latex["reference_answer"][0] == r"\left( 3, \frac{\pi}{2} \right)"
    assert latex["source_row_id"][0] == "test/precalculus/807.json"


def test_unit_tolerance_and_aliases_stand_in_the_specification(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "rows.jsonl", [{"q": "How fast?", "a": "20", "u": "m/s"}, {"q": "How cold?", "a": "3", "u": None}]
    )
    columns = {"prompt": "q", "answer": "a", "unit": "u"}
    source = file_source("rows.jsonl", verifier="numeric", columns=columns, tolerance={"relative": 0.01})
    prompts, _ = read(source, tmp_path)
    tolerance = {"relative": 0.01, "absolute": 0.0}
    assert [json.loads(spec) for spec in prompts["verifier_spec"]] == [{**tolerance, "unit": "m/s"}, tolerance]

    write_jsonl(tmp_path / "rows.jsonl", [{"q": "Where?", "a": "New York", "b": ["NYC", "the Big Apple"]}])
    source = file_source("rows.jsonl", verifier="exact", columns={"prompt": "q", "answer": "a", "aliases": "b"})
    prompts, _ = read(source, tmp_path)
    assert json.loads(prompts["verifier_spec"].item()) == {"aliases": ["NYC", "the Big Apple"]}


@pytest.mark.parametrize(
    ("cell", "topic"),
    [
        pytest.param("Algebra", "Algebra", id="a-word"),
        pytest.param(" number\n  theory ", "number theory", id="in-one-line"),
        pytest.param(7, "7", id="a-number"),
        pytest.param("x" * 300, "x" * 100, id="too-long"),
        pytest.param(None, None, id="null"),
        pytest.param("  ", None, id="blank"),
        pytest.param(["Algebra"], None, id="a-list"),
        pytest.param("\ud800", None, id="no-text-at-all"),
    ],
)
def test_a_topic_is_taken_over_and_never_costs_a_row(tmp_path: Path, cell: object, topic: str | None) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"q": "1+1?", "a": "2", "t": cell}])
    columns = {"prompt": "q", "answer": "a", "topic": "t"}
    prompts, dropped = read(file_source("rows.jsonl", columns=columns), tmp_path)
    assert prompts["topic"].to_list() == [topic]
    assert dropped.is_empty()


def test_choices_are_lettered_in_prompt_and_specification() -> None:
    columns = {"prompt": "question", "answer": "answerKey", "choices": "choices", "id": "id"}
    source = file_source("arc_challenge/train.jsonl", verifier="choice", domain="science", columns=columns)
    prompts, _ = read(source, DATA)
    first = prompts.row(0, named=True)
    choices = json.loads(first["verifier_spec"])["choices"]
    assert first["source_row_id"] == "Mercury_SC_415702"
    assert first["prompt"].endswith(
        "\n\nA. dry palms\nB. wet palms\nC. palms covered with oil\nD. palms covered with lotion"
    )
    assert (first["reference_answer"], choices["A"]) == ("A", "dry palms")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param({"q": None, "a": "2"}, "no_prompt", id="prompt-null"),
        pytest.param({"q": " \n", "a": "2"}, "no_prompt", id="prompt-blank"),
        pytest.param({"a": "2"}, "no_prompt", id="prompt-key-left-out"),
        pytest.param({"q": ["a", "b"], "a": "2"}, "no_prompt", id="prompt-is-a-list"),
        pytest.param({"q": "What?", "a": None}, "no_reference", id="reference-null"),
        pytest.param({"q": "What?", "a": ["2", "3"]}, "no_reference", id="reference-is-a-list"),
        pytest.param({"q": "What?", "a": float("nan")}, "no_reference", id="reference-is-nan"),
        pytest.param({"q": "What \ud800?", "a": "2"}, "bad_text", id="prompt-with-lone-surrogate"),
        pytest.param({"q": "What?", "a": "2\udfff"}, "bad_text", id="reference-with-lone-surrogate"),
    ],
)
def test_unusable_row_is_set_aside_with_its_reason(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [ROWS[0], row, ROWS[1]])
    prompts, dropped = read(file_source("rows.jsonl"), tmp_path)
    assert prompts["source_row_id"].to_list() == ["0", "2"]
    assert dropped.select("source", "source_row_id", "reason").rows() == [("sums", "1", reason)]
    assert dropped["detail"][0]


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        pytest.param(27.0, "27", id="whole-float"),
        pytest.param(0.5, "0.5", id="float"),
        pytest.param(1e300, "1e+300", id="float-beyond-exact-integers"),
        pytest.param(0, "0", id="zero-is-an-answer"),
        pytest.param(False, "false", id="false-is-an-answer"),
    ],
)
def test_references_that_are_no_text(tmp_path: Path, answer: object, reference: str) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"q": "What?", "a": answer}])
    prompts, _ = read(file_source("rows.jsonl"), tmp_path)
    assert prompts["reference_answer"].to_list() == [reference]


BROKEN_FILES = [
    pytest.param("rows.jsonl", b"", "0 bytes", id="empty"),
    pytest.param("rows.jsonl", b"\n\n", "found no rows", id="only-blank-lines"),
    pytest.param("rows.csv", b"q,a\n", "found no rows", id="csv-with-header-only"),
    pytest.param("rows.jsonl.gz", gzip.compress(b""), "found no rows", id="gzip-of-nothing"),
    pytest.param("rows.jsonl", b'{"q": "x", "a": "1"}\n{"q": \n', "line 2: is not valid JSON", id="broken-json-line"),
    pytest.param("rows.jsonl", b'{"q": "x", "a": "1"}\n[1]\n', "line 2: found a JSON list", id="json-line-no-object"),
    pytest.param("rows.jsonl", b'{"q": "\xff\xfe"}\n', "line 1: is not valid JSON", id="jsonl-not-utf8"),
    pytest.param("rows.jsonl", b"[" * 200_000, "line 1: is not valid JSON", id="json-too-deep"),
    pytest.param("rows.jsonl.gz", b'{"q": "x", "a": "1"}\n', "not a whole gzip file", id="gzip-by-name-only"),
    pytest.param("rows.jsonl.gz", gzip.compress(b'{"q": 1}\n' * 9)[:-12], "not a whole gzip file", id="gzip-cut-off"),
    pytest.param("rows.csv", b"q,a\nx,1\ny\n", "line 3: found 1 cells, expected 2", id="csv-row-too-short"),
    pytest.param("rows.csv", b'q,a\nx,1\n"y,2\n', "not valid CSV", id="csv-quote-never-closed"),
    pytest.param("rows.csv", b"q,a\nx,\xff\n", "not valid CSV in UTF-8", id="csv-not-utf8"),
    pytest.param("rows.csv", b"q,q\nx,1\n", "column name twice", id="csv-column-twice"),
    pytest.param("rows.parquet", b"PAR1 this is no parquet PAR1", "not a whole Parquet file", id="parquet-corrupt"),
    pytest.param("rows.txt", b"x", "found kind '.txt', expected .jsonl, .csv, .parquet", id="unknown-kind"),
    pytest.param("rows.jsonl", b'{"question": "x", "a": "1"}\n', "found columns a, question", id="wrong-columns"),
    pytest.param("rows.csv", b"q,answer\nx,1\n", "lacks `columns.answer: a`", id="wrong-columns-of-csv"),
    pytest.param("rows.jsonl", b'{"q": "x", "a": null}\n' * 3, "3 x no_reference", id="every-row-without-reference"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN_FILES)
def test_broken_file_is_refused_with_what_was_found(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        read(file_source(name), tmp_path)
    assert "source 'sums'" in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        read(file_source("absent.jsonl"), tmp_path)


def test_a_corrupted_parquet_file_raises_nothing_but_source_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame(ROWS).write_parquet(path)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        with contextlib.suppress(SourceError):
            read(file_source("rows.parquet"), tmp_path)


def test_columns_that_some_rows_leave_out_are_found(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [*ROWS, {"q": "What is 4 + 4?", "a": "8", "s": "4 and 4 are 8"}])
    prompts, _ = read(file_source("rows.jsonl", columns={"prompt": "q", "answer": "a", "solution": "s"}), tmp_path)
    assert prompts["solution"].to_list() == [None, None, None, "4 and 4 are 8"]


def test_limit_takes_the_first_rows_and_reads_no_further(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"q": "x", "a": null}\n{"q": "y", "a": "1"}\nbroken\n')
    prompts, dropped = read(file_source("rows.jsonl", limit=2), tmp_path)
    assert (prompts.height, dropped.height) == (1, 1)


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b'\xef\xbb\xbf{"q": "x", "a": "1"}\r\n')
    (tmp_path / "rows.csv").write_bytes(b'\xef\xbb\xbfq,a\r\n"x\r\ny",1\r\n')
    assert read(file_source("rows.jsonl"), tmp_path)[0]["prompt"].to_list() == ["x"]
    assert read(file_source("rows.csv"), tmp_path)[0]["prompt"].to_list() == ["x\r\ny"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(st.none() | st.integers() | st.text(max_size=3), min_size=1, max_size=30).filter(
        lambda answers: any(isinstance(answer, int) for answer in answers)
    ),
    batch_rows=st.integers(1, 40),
)
def test_rows_do_not_depend_on_the_batch_size(tmp_path: Path, answers: list[object], batch_rows: int) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"q": f"What is {n}?", "a": answer} for n, answer in enumerate(answers)])
    source = file_source("rows.jsonl")
    batches = list(seed_prompts(source, tmp_path, batch_rows=batch_rows))
    prompts, dropped = read(source, tmp_path, batch_rows=1_000)
    assert pl.concat([batch.prompts for batch in batches]).equals(prompts)
    assert pl.concat([batch.dropped for batch in batches]).equals(dropped)
    assert prompts.height + dropped.height == len(answers)
    assert all(batch.prompts.height + batch.dropped.height <= batch_rows for batch in batches)
