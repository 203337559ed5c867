import random
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.curation.decontamination import OVERLAP_SCHEMA, BenchmarkIndex

DATA = Path(__file__).parents[2] / "data"
TEN = "one two three four five six seven eight nine ten"
NINE = "one two three four five six seven eight nine"
CHINESE = "小明有三个苹果又买了五个"


def prompts_of(*texts: tuple[str, str | None]) -> pl.DataFrame:
    rows = [{"prompt_id": str(n), "prompt": prompt, "solution": solution} for n, (prompt, solution) in enumerate(texts)]
    return pl.DataFrame(rows, schema={"prompt_id": pl.String, "prompt": pl.String, "solution": pl.String})


def benchmarks_of(*texts: tuple[str, str | None]) -> pl.DataFrame:
    rows = [
        {"benchmark": "b", "benchmark_row_id": f"r{n}", "prompt": prompt, "solution": solution}
        for n, (prompt, solution) in enumerate(texts)
    ]
    names = ("benchmark", "benchmark_row_id", "prompt", "solution")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


@pytest.mark.parametrize(
    ("seed", "benchmark"),
    [
        pytest.param((f"before {TEN} after", None), (f"other {TEN} text", None), id="question-in-question"),
        pytest.param(("unrelated", f"first {TEN}"), ("question", f"{TEN} last"), id="solution-in-solution"),
        pytest.param((f"{TEN} more", None), ("question", TEN), id="question-in-solution"),
        pytest.param(("unrelated", TEN), (TEN, None), id="solution-in-question"),
        pytest.param((TEN.upper().replace(" ", ",\n"), None), (TEN, None), id="case-punctuation-and-line-breaks"),
        pytest.param((TEN.replace("one", "ｏｎｅ"), None), (TEN, None), id="full-width-letters"),
        pytest.param(("What is 3+4?", None), ("what is  3 + 4", None), id="short-question-whole"),
        pytest.param(("Why?", None), ("why", None), id="one-word-question-whole"),
        pytest.param((f"已知{CHINESE}，问", None), (f"因为{CHINESE}。", None), id="chinese-runs-of-characters"),
        pytest.param((f"{CHINESE[:4]}？", None), (CHINESE[:4], None), id="short-chinese-whole"),
        pytest.param(("Sei x größer drei vier fünf sechs sieben acht neun zehn", None),
                     ("sei X GRÖSSER drei", "x größer drei vier fünf sechs sieben acht neun zehn"), id="umlauts"),
    ],
)  # fmt: skip
def test_overlap_is_found(seed: tuple[str, str | None], benchmark: tuple[str, str | None]) -> None:
    index = BenchmarkIndex(benchmarks_of(("something", "else"), benchmark), ngram=10)
    found = index.overlaps(prompts_of(("harmless", None), seed))
    assert found.schema == OVERLAP_SCHEMA
    assert found.select("prompt_id", "benchmark", "benchmark_row_id").rows() == [("1", "b", "r1")]


@pytest.mark.parametrize(
    ("seed", "benchmark"),
    [
        pytest.param((f"a {NINE} b", None), (f"c {NINE} d", None), id="nine-words-in-common"),
        pytest.param((NINE, None), (TEN, None), id="short-question-is-part-of-a-long-one"),
        pytest.param(("What is 3 + 4?", None), ("What is 3 - 4?", None), id="short-questions-differ-in-a-sign"),
        pytest.param(("What is 12?", None), ("What is 1 2?", None), id="short-questions-differ-in-a-space"),
        pytest.param(("unrelated", "The answer is 12."), ("question", "The answer is 12."), id="short-solutions-equal"),
        pytest.param(("12", None), ("question", "12"), id="short-question-equals-a-solution"),
        pytest.param((NINE, "ten"), (TEN, None), id="run-across-question-and-solution"),
        pytest.param((NINE, None), ("x", TEN), id="short-question-in-a-solution"),
        pytest.param(("?!", None), ("...", None), id="texts-without-words"),
        pytest.param(("", None), ("", None), id="empty-texts"),
        pytest.param((TEN.replace("ten", "tin"), None), (TEN, None), id="one-word-differs"),
    ],
)
def test_what_is_no_overlap(seed: tuple[str, str | None], benchmark: tuple[str, str | None]) -> None:
    assert BenchmarkIndex(benchmarks_of(benchmark), ngram=10).overlaps(prompts_of(seed)).is_empty()


def test_runs_do_not_cross_from_one_prompt_to_the_next() -> None:
    index = BenchmarkIndex(benchmarks_of((TEN, None)), ngram=10)
    assert index.overlaps(prompts_of((NINE, None), (f"ten {NINE}", None))).is_empty()


def test_matching_text_and_first_benchmark_row_are_told() -> None:
    index = BenchmarkIndex(benchmarks_of((f"{TEN} a", None), (f"well {TEN}", None)), ngram=10)
    found = index.overlaps(prompts_of((f"Well: {TEN}!", TEN)))
    assert found.rows() == [("0", "b", "r1", "well one two three four five six seven eight nine")]


@pytest.mark.parametrize(
    ("prompts", "benchmarks"),
    [
        (prompts_of(), benchmarks_of((TEN, None))),
        (prompts_of((TEN, None)), benchmarks_of()),
        (prompts_of(), benchmarks_of()),
    ],
    ids=["no-prompts", "no-benchmarks", "neither"],
)
def test_nothing_to_compare(prompts: pl.DataFrame, benchmarks: pl.DataFrame) -> None:
    found = BenchmarkIndex(benchmarks, ngram=10).overlaps(prompts)
    assert found.is_empty()
    assert found.schema == OVERLAP_SCHEMA


def test_planted_benchmark_question_is_found_among_real_ones() -> None:
    train = pl.read_ndjson(DATA / "gsm8k" / "train.jsonl")
    test = pl.read_ndjson(DATA / "gsm8k" / "test.jsonl")
    planted = f"Read carefully. {test['question'][3].replace(',', ' ,')} Give a number."
    prompts = prompts_of(*train.select("question", "answer").iter_rows(), (planted, None))
    found = BenchmarkIndex(benchmarks_of(*test.select("question", "answer").iter_rows()), ngram=10).overlaps(prompts)
    assert found.select("prompt_id", "benchmark_row_id").rows() == [("40", "r3")]


def contaminated_by_definition(prompts: pl.DataFrame, benchmarks: pl.DataFrame, ngram: int) -> set[str]:
    def words(text: str | None) -> list[str]:
        return re.findall(r"[a-z0-9]+", (text or "").lower())

    def runs(text: str | None) -> set[tuple[str, ...]]:
        return {tuple(words(text)[start : start + ngram]) for start in range(len(words(text)) - ngram + 1)}

    bench = benchmarks.rows(named=True)
    known = {run for row in bench for column in ("prompt", "solution") for run in runs(row[column])}
    short = {" ".join(words(row["prompt"])) for row in bench if 0 < len(words(row["prompt"])) < ngram}
    return {
        row["prompt_id"]
        for row in prompts.rows(named=True)
        if (runs(row["prompt"]) | runs(row["solution"])) & known or " ".join(words(row["prompt"])) in short
    }


TEXTS = st.lists(st.sampled_from(["a", "b", "c", "7"]), max_size=9).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(
    seeds=st.lists(st.tuples(TEXTS, st.none() | TEXTS), max_size=8),
    bench=st.lists(st.tuples(TEXTS, st.none() | TEXTS), max_size=8),
    ngram=st.integers(3, 5),
)
def test_agrees_with_the_definition(
    seeds: list[tuple[str, str | None]], bench: list[tuple[str, str | None]], ngram: int
) -> None:
    prompts, benchmarks = prompts_of(*seeds), benchmarks_of(*bench)
    found = BenchmarkIndex(benchmarks, ngram=ngram).overlaps(prompts)
    assert set(found["prompt_id"]) == contaminated_by_definition(prompts, benchmarks, ngram)
    assert found["prompt_id"].is_unique().all()


def test_more_prompts_than_are_held_at_once() -> None:
    draw = random.Random(3)
    texts = [(" ".join(draw.choices("abcdef", k=6)), None) for _ in range(300)]
    benchmarks = benchmarks_of(*texts[::17])
    index = BenchmarkIndex(benchmarks, ngram=5)
    whole = index.overlaps(prompts_of(*texts))
    assert index.overlaps(prompts_of(*texts), prompts_at_once=7).equals(whole)
    assert whole.height >= 18
