"""`openreason verify` on files and pipes, without recipe or workspace."""

import gzip
import json

import polars as pl
import pytest
from command_line import words
from file_commands import call, invoke, lines, rows_of

from openreason_dagster.domain.verification.registry import VERIFIER_VERSIONS

RIGHT = {"reference": "42", "response": r"<think>6 * 7</think>\boxed{42}"}
WRONG = {"reference": "42", "response": r"\boxed{43}"}


def verified(*rows, arguments=()):
    result = invoke("verify", "-", "--output", "-", "--workers", "1", *arguments, stdin=lines(*rows))
    assert result.exit_code == 0, result.stderr
    return rows_of(result.stdout)


def test_rows_keep_their_columns_and_order_and_get_their_verdicts():
    found = verified(RIGHT | {"id": 1}, WRONG | {"id": 2})
    assert [(row["id"], row["verdict"], row["is_correct"], row["extracted"]) for row in found] == [
        (1, "correct", True, "42"),
        (2, "incorrect", False, "43"),
    ]
    assert found[0]["response"] == RIGHT["response"]
    assert found[1]["evidence"]["message"] == "43 is not 42"
    assert found[1]["evidence"]["verifier_version"] == VERIFIER_VERSIONS["math"]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        pytest.param(
            {"kind": "exact", "reference": "Paris", "response": "The answer is paris."}, "correct", id="exact"
        ),
        pytest.param({"kind": "judge", "reference": "It falls.", "response": "It  falls."}, "correct", id="same words"),
        pytest.param({"kind": "judge", "reference": "It falls.", "response": "Down."}, "error", id="no model is asked"),
        pytest.param({"reference": 42, "response": r"\boxed{42}"}, "correct", id="number as reference"),
        pytest.param({"reference": "42", "response": "<think>hm"}, "no_answer", id="open think block"),
        pytest.param(
            {"reference": "42", "response": "<think>hm", "finish_reason": "length"}, "truncated", id="cut at the limit"
        ),
        pytest.param({"reference": None, "response": "42"}, "bad_reference", id="no reference"),
        pytest.param({"response": "42"}, "bad_reference", id="reference column missing"),
        pytest.param(
            {"kind": "choice", "choices": ["red", "blue"], "reference": "blue", "response": r"\boxed{B}"},
            "correct",
            id="choice from a list",
        ),
        pytest.param(
            {"kind": "choice", "tests": {"choices": {"A": "red", "B": "blue"}}, "reference": "B", "response": "(A)"},
            "incorrect",
            id="choice with its specification",
        ),
        pytest.param(
            {"kind": "instruction", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}], "response": "no"},
            "correct",
            id="constraints",
        ),
        pytest.param(
            {"kind": "instruction", "tests": '{"instruction_id_list": ["x"], "kwargs": [{}]}', "response": "no"},
            "bad_reference",
            id="unknown constraint",
        ),
        pytest.param(
            {"kind": "procedural", "tests": {"task": "gcd"}, "reference": "6", "response": "<answer>6</answer>"},
            "correct",
            id="procedural",
        ),
    ],
)
def test_verdict_of_a_row(row, verdict):
    assert [found["verdict"] for found in verified(row)] == [verdict]


def test_programs_are_run_against_tests_in_every_layout_of_data_sets():
    right, wrong = "```python\ndef f(x): return x\n```", "```python\ndef f(x): return 1\n```"
    layouts = ["assert f(2) == 2", ["assert f(1) == 1", "assert f(2) == 2"], {"suite": ["assert f(2) == 2"]}]
    rows = [{"kind": "code", "tests": tests, "response": answer} for tests in layouts for answer in (right, wrong)]
    assert [found["verdict"] for found in verified(*rows)] == ["correct", "incorrect"] * 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param("{broken", "line 2: found b'{broken", id="no JSON"),
        pytest.param("[1, 2]", "line 2: found a JSON list, expected an object", id="no object"),
        pytest.param("\u00e9" * 3, "line 2", id="no JSON in UTF-8"),
        pytest.param({"reference": "42"}, "column `response`: found None, expected text", id="no response"),
        pytest.param({"reference": "42", "response": 7}, "column `response`: found 7", id="response as a number"),
        pytest.param(
            RIGHT | {"kind": "taste"}, "column `kind`: found 'taste', expected one of math", id="unknown kind"
        ),
        pytest.param(RIGHT | {"kind": ["math"]}, "column `kind`: found ['math']", id="kind as a list"),
        pytest.param(RIGHT | {"kind": "choice"}, "column `choices`: found NoneType", id="choice without options"),
        pytest.param(RIGHT | {"kind": "instruction"}, "instruction_id_list", id="no constraints"),
        pytest.param(
            {"kind": "code", "tests": [1], "response": "a"}, "column 'tests' holds [1]", id="tests as numbers"
        ),
        pytest.param('{"reference": "42", "response": "\\ud800"}', "not valid Unicode", id="lone surrogate"),
        pytest.param('{"tests": "\\ud800", "response": "a"}', "not valid Unicode", id="lone surrogate in the tests"),
    ],
)
def test_bad_row_is_data_among_good_ones(row, reason):
    before, bad, after = verified(RIGHT, row, WRONG)
    assert (before["verdict"], after["verdict"]) == ("correct", "incorrect")
    assert (bad["verdict"], bad["is_correct"], bad["extracted"]) == ("error", None, None)
    assert reason in bad["evidence"]["message"]


def test_summary_goes_to_the_error_stream():
    result = invoke("verify", "-", "--workers", "1", stdin=lines(RIGHT, RIGHT, WRONG, "{"))
    assert result.exit_code == 0
    assert result.stdout == ""
    text = words(result.stderr)
    assert "correct 2 50.0%" in text
    assert "incorrect 1 25.0%" in text
    assert "error 1 25.0%" in text
    assert "4 rows in" in text
    assert "a second" in text


def write_jsonl(path, rows):
    path.write_text(lines(*rows))


def write_gzip(path, rows):
    path.write_bytes(gzip.compress(lines(*rows).encode()))


def write_parquet(path, rows):
    pl.DataFrame(rows).write_parquet(path)


FILES = {"rows.jsonl": write_jsonl, "rows.jsonl.gz": write_gzip, "rows.parquet": write_parquet}


@pytest.mark.parametrize("source", FILES)
@pytest.mark.parametrize("target", ["out.jsonl", "out.jsonl.gz", "out.parquet"])
def test_files_of_every_kind(tmp_path, source, target):
    FILES[source](tmp_path / source, [RIGHT, WRONG])
    output = tmp_path / target
    result = invoke("verify", tmp_path / source, "--output", output, "--workers", "1")
    assert result.exit_code == 0, result.stderr
    found = pl.read_parquet(output) if target.endswith(".parquet") else pl.read_ndjson(output)
    assert found.columns == ["reference", "response", "verdict", "is_correct", "extracted", "evidence"]
    assert found["is_correct"].to_list() == [True, False]
    assert found["evidence"].struct.field("method").to_list() == ["math/literal"] * 2
    assert {path.name for path in tmp_path.iterdir()} == {source, target}


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        pytest.param(None, "gone.jsonl", "does not exist", id="missing"),
        pytest.param(b"", "rows.jsonl", "is empty, expected rows", id="empty"),
        pytest.param(b"PK\x03\x04\x00\nmore\n", "rows.jsonl", "holds no rows; line 1", id="another format"),
        pytest.param(b"a,b\n1,2\n", "rows.csv", "expected one of .jsonl, .jsonl.gz, .parquet", id="another kind"),
        pytest.param(b"not gzip", "rows.jsonl.gz", "is not a whole gzip file", id="not gzip"),
        pytest.param(b"PAR1 cut", "rows.parquet", "is not a whole Parquet file", id="cut parquet"),
    ],
)
def test_file_that_cannot_be_read_is_an_error_with_a_remedy(tmp_path, content, name, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = invoke("verify", tmp_path / name, "--output", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert "error: input" in words(result.stderr)
    assert reason in words(result.stderr)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        pytest.param("out.csv", "expected one of .jsonl, .jsonl.gz, .parquet, or -", id="another kind"),
        pytest.param("nowhere/out.jsonl", "cannot be written", id="no such folder"),
    ],
)
def test_output_that_cannot_be_written(tmp_path, output, reason):
    result = invoke("verify", "-", "--output", tmp_path / output, stdin=lines(RIGHT))
    assert result.exit_code == 1
    assert reason in words(result.stderr)
    assert list(tmp_path.iterdir()) == []


def test_unknown_default_kind():
    result = invoke("verify", "-", "--kind", "taste", stdin=lines(RIGHT))
    assert result.exit_code == 1
    assert "--kind 'taste': unknown verifier kind; expected one of math" in words(result.stderr)


def test_verdicts_of_an_earlier_run_are_replaced():
    assert [row["verdict"] for row in verified(RIGHT | {"verdict": "error", "is_correct": None})] == ["correct"]


@pytest.mark.slow
def test_pipe_in_a_process_of_its_own():
    process = call("verify", "-", "--output", "-", stdin=lines(RIGHT, WRONG, "{").encode())
    assert process.returncode == 0, process.stderr
    verdicts = [json.loads(line)["verdict"] for line in process.stdout.splitlines()]
    assert verdicts == ["correct", "incorrect", "error"]
    assert b"a second" in process.stderr


@pytest.mark.slow
def test_hostile_response_is_a_verdict_and_slows_no_other_row():
    tower = {"reference": r"\sqrt{2}", "response": r"\boxed{9^{9^{9^{9}}} + \sqrt{3}}"}
    found = verified(*[RIGHT] * 50, tower, *[WRONG] * 50, arguments=("--timeout", "1"))
    assert found[50]["is_correct"] is not True
    assert [row["verdict"] for row in found[:50]] == ["correct"] * 50
