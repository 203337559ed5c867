"""Reworded benchmark questions are found, and other problems are left alone."""

import json
from pathlib import Path

import polars as pl
import pytest

from openreason_dagster.domain.curation.near_benchmarks import (
    NEAR_SCHEMA,
    SHARING_NUMBERS,
    BenchmarkQuestions,
)
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS

DATA = Path(__file__).parents[2] / "data"
QUESTION = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many of 9 robes can 18 bolts make?"


def prompts_of(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"prompt_id": [str(number) for number in range(len(texts))], "prompt": texts})


def benchmarks_of(*texts: str, name: str = "b") -> pl.DataFrame:
    return BENCHMARK_PROMPTS.frame(
        {"benchmark": name, "benchmark_row_id": str(number), "prompt": text, "solution": None}
        for number, text in enumerate(texts)
    )


def rows_of(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def benchmarks() -> pl.DataFrame:
    columns = {"gsm8k": "question", "math500": "problem", "aime24": "problem"}
    return pl.concat(
        benchmarks_of(*(row[column] for row in rows_of(f"{name}/test.jsonl")), name=name)
        for name, column in columns.items()
    )


@pytest.mark.parametrize(("kind", "least"), [("light", 13), ("reworded", 11)])
def test_planted_paraphrases_are_found(benchmarks: pl.DataFrame, kind: str, least: int) -> None:
    planted = [row for row in rows_of("paraphrases/paraphrases.jsonl") if row["kind"] == kind]
    found = BenchmarkQuestions(benchmarks).near(prompts_of(*(row["prompt"] for row in planted)), similarity=0.4)
    wanted = {(str(number), row["benchmark"], str(row["row"])) for number, row in enumerate(planted)}
    right = wanted & set(found.select("prompt_id", "benchmark", "benchmark_row_id").rows())
    assert found.schema == NEAR_SCHEMA
    assert len(right) >= least
    assert found.height == len(right)


def test_other_problems_are_left_alone(benchmarks: pl.DataFrame) -> None:
    texts = [row["question"] for row in rows_of("gsm8k/train.jsonl")]
    texts += [row["problem"] for row in rows_of("math_train/train.jsonl")]
    assert BenchmarkQuestions(benchmarks).near(prompts_of(*texts), similarity=0.4).is_empty()


def test_planted_copies_are_found_with_similarity_one(benchmarks: pl.DataFrame) -> None:
    found = BenchmarkQuestions(benchmarks).near(prompts_of(*benchmarks["prompt"]), similarity=0.4)
    assert found.height == benchmarks.height
    assert found["similarity"].to_list() == [1.0] * benchmarks.height


@pytest.mark.parametrize(
    ("prompt", "is_found"),
    [
        pytest.param("How many of 9 robes can 18 bolts make if a robe takes 2 bolts of blue fiber?", True, id="order"),
        pytest.param(QUESTION.replace("18", "27"), False, id="another-number"),
        pytest.param(QUESTION + " Answer in 9 words.", False, id="a-number-more"),
        pytest.param("A train of 2 cars leaves at 9 and is in town at 18.", False, id="only-the-numbers"),
    ],
)
def test_numbers_and_words_both_count(prompt: str, is_found: bool) -> None:
    found = BenchmarkQuestions(benchmarks_of(QUESTION)).near(prompts_of(prompt), similarity=0.4)
    assert (found.height == 1) == is_found


def test_without_numbers_most_words_and_their_order_have_to_be_shared() -> None:
    question = "Ann is older than Bob, and Bob is older than Cleo. Who of the three friends is the oldest?"
    texts = [
        question + " Explain.",
        "Cleo is older than Ann, and Ann is older than Bob. Who is the oldest of the friends?",
    ]
    found = BenchmarkQuestions(benchmarks_of(question)).near(prompts_of(*texts), similarity=0.4)
    assert found["prompt_id"].to_list() == ["0"]


def test_numbers_of_many_questions_do_not_bind() -> None:
    texts = [f"{name} buys 2 pens and 3 books. How many things is that?" for name in ("Ann", "Bob", "Cleo", "Dan")]
    prompt = prompts_of("Of 2 cats and 3 dogs, how many things is a book?")
    few, many = benchmarks_of(*texts[:SHARING_NUMBERS]), benchmarks_of(*texts)
    assert BenchmarkQuestions(few).near(prompt, similarity=0.3).height == 1
    assert BenchmarkQuestions(many).near(prompt, similarity=0.3).is_empty()


@pytest.mark.parametrize(
    ("prompts", "questions"),
    [pytest.param([], [QUESTION], id="no-prompts"), pytest.param([QUESTION], [], id="no-benchmarks"),
     pytest.param(["?!", ""], ["", "!"], id="no-words")],
)  # fmt: skip
def test_nothing_to_compare(prompts: list[str], questions: list[str]) -> None:
    texts = pl.DataFrame(
        {"prompt_id": list(map(str, prompts)), "prompt": prompts},
        schema=dict.fromkeys(("prompt_id", "prompt"), pl.String),
    )
    assert BenchmarkQuestions(benchmarks_of(*questions)).near(texts, similarity=0.4).is_empty()
