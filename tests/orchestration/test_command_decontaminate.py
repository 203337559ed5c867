"""`openreason decontaminate` on files and pipes."""

import polars as pl
import pytest
from command_line import words
from file_commands import invoke, lines, rows_of

QUESTION = "How many legs do seven spiders and three ants have when they all sit together?"
COPY = {"prompt": f"Tell me: {QUESTION.lower()} Thank you.", "id": "a"}
CLEAN = {"prompt": "What is the capital of a country that has not been named here at all?", "id": "b"}


@pytest.fixture
def benchmark(tmp_path):
    path = tmp_path / "exam.jsonl"
    path.write_text(lines({"prompt": QUESTION, "id": "q7"}, {"prompt": "Is it so?"}))
    return path


def compared(benchmark, *rows, arguments=()):
    result = invoke("decontaminate", "-", "--against", benchmark, "--output", "-", *arguments, stdin=lines(*rows))
    assert result.exit_code == 0, result.stderr
    return rows_of(result.stdout)


def test_overlap_is_named_with_its_words(benchmark):
    copy, clean = compared(benchmark, COPY, CLEAN)
    assert copy["contaminated_by"] == "exam.jsonl: q7"
    assert copy["match"] == "how many legs do seven spiders and three ants have"
    assert (clean["contaminated_by"], clean["match"], clean["error"]) == (None, None, None)
    assert (copy["id"], clean["id"]) == ("a", "b")


@pytest.mark.parametrize(
    ("row", "arguments", "by"),
    [
        pytest.param({"prompt": "Other.", "solution": QUESTION}, (), "exam.jsonl: q7", id="in the solution"),
        pytest.param({"prompt": "is it SO"}, (), "exam.jsonl: 1", id="short text as a whole"),
        pytest.param({"prompt": "Seven spiders and three ants"}, (), None, id="too few words"),
        pytest.param({"prompt": "Seven spiders and three ants"}, ("--ngram", "3"), "exam.jsonl: q7", id="shorter runs"),
        pytest.param({"question": QUESTION}, ("--column", "question"), "exam.jsonl: q7", id="another column"),
    ],
)
def test_overlap(benchmark, row, arguments, by):
    assert [found["contaminated_by"] for found in compared(benchmark, row, arguments=arguments)] == [by]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param("{broken", "line 2", id="no JSON"),
        pytest.param({"id": "c"}, "column `prompt`: found None, expected text", id="no prompt"),
    ],
)
def test_bad_row_is_data_among_good_ones(benchmark, row, reason):
    before, bad, after = compared(benchmark, CLEAN, row, COPY)
    assert (before["error"], after["error"]) == (None, None)
    assert (bad["contaminated_by"], bad["match"]) == (None, None)
    assert reason in bad["error"]


def test_several_files_and_the_summary(tmp_path, benchmark):
    other = tmp_path / "other.parquet"
    pl.DataFrame({"problem": [CLEAN["prompt"]]}).write_parquet(other)
    renamed = tmp_path / "renamed.jsonl"
    renamed.write_text(lines({"problem": QUESTION}))
    arguments = ("--against", other, "--against", renamed, "--against-column", "problem")
    result = invoke("decontaminate", "-", *arguments, stdin=lines(COPY, CLEAN, {"prompt": "x"}, "{"))
    text = words(result.stderr)
    assert "other.parquet 1" in text
    assert "renamed.jsonl 1" in text
    assert "not comparable 1" in text
    assert "4 rows in" in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(lines({"problem": QUESTION}), "found columns problem", id="another column"),
        pytest.param(lines({"prompt": QUESTION}, "{"), "row 1: line 2", id="broken line"),
        pytest.param("", "is empty", id="empty"),
    ],
)
def test_benchmark_that_cannot_be_read_whole_is_an_error(tmp_path, content, reason):
    path = tmp_path / "exam.jsonl"
    path.write_text(content)
    result = invoke("decontaminate", "-", "--against", path, stdin=lines(COPY))
    assert result.exit_code == 1
    assert reason in words(result.stderr)


@pytest.mark.parametrize("arguments", [("--against", "{0}", "b.jsonl"), ("b.jsonl", "--against", "{0}")])
def test_second_file_is_refused_with_the_option_that_takes_it(benchmark, arguments):
    result = invoke("decontaminate", "-", *[part.format(benchmark) for part in arguments], stdin=lines(COPY))
    assert result.exit_code == 2
    text = words(result.stderr.replace("│", " "))
    assert "'b.jsonl' is one file too many" in text
    assert "--against A --against B" in text


def test_file_to_compare_with_is_needed():
    assert invoke("decontaminate", "-", stdin=lines(COPY)).exit_code == 2
