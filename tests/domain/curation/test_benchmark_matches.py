import polars as pl
import pytest

from openreason_dagster.domain.curation.benchmark_matches import (
    LONGEST_TEXT,
    PromptComparison,
    Stage,
    answer_matches,
    match_examples,
    matches_by_benchmark,
)
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.recipe_pool import NearBenchmarks, Pool
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES, BENCHMARK_PROMPTS

TEN = "one two three four five six seven eight nine ten"
QUESTION = "Tom has 12 red and 30 blue marbles and loses 7. How many marbles has Tom?"
REWORDED = "Of his 12 red and 30 blue marbles Tom loses 7, how many marbles has he?"
BENCHMARKS = BENCHMARK_PROMPTS.frame(
    {"benchmark": "b", "benchmark_row_id": str(number), "prompt": text, "solution": solution}
    for number, (text, solution) in enumerate([(QUESTION, None), ("Count.", f"It goes {TEN}.")])
)
PROMPTS = pl.DataFrame(
    {"prompt_id": ["same", "near", "other"], "prompt": [QUESTION, REWORDED, "What is 3 + 4?"], "solution": [None] * 3},
    schema_overrides={"solution": pl.String},
)


@pytest.mark.parametrize(("policy", "decision"), [("mark", "marked"), ("drop", "dropped")])
@pytest.mark.parametrize("stage", ["prompt_pool", "sft_mix"])
def test_matches_of_prompts_say_how_and_what_becomes_of_them(policy: str, decision: str, stage: Stage) -> None:
    rules = Pool(near_benchmarks=NearBenchmarks(policy=policy))
    matches = PromptComparison(BENCHMARKS, rules).matches(PROMPTS, stage=stage)
    assert matches.schema == BENCHMARK_MATCHES.schema
    assert matches.select("stage", "prompt_id", "method", "benchmark_row_id", "decision").rows() == [
        (stage, "same", "ngram", "0", "dropped"),
        (stage, "near", "near", "0", decision),
    ]
    assert matches["matching_text"][1] == QUESTION


def test_answers_are_compared_part_by_part_and_short_ones_never_whole() -> None:
    answers = pl.DataFrame(
        {"trace_id": ["t0", "t1", "t2"], "prompt_id": ["p"] * 3, "answer": [f"So {TEN}." + "x" * 900, "12", "Count."]}
    )
    matches = answer_matches(answers.iter_slices(1), BenchmarkIndex(BENCHMARKS, ngram=10))
    assert matches.select("stage", "trace_id", "prompt_id", "matching_text").rows() == [("sft_mix", "t0", "p", TEN)]
    assert len(matches["text"][0]) == LONGEST_TEXT


def test_counts_and_examples_of_each_benchmark() -> None:
    many = PROMPTS[[1] * 5].with_columns(prompt_id=pl.int_range(5).cast(pl.String))
    matches = PromptComparison(BENCHMARKS, Pool()).matches(pl.concat([PROMPTS, many]), stage="prompt_pool").lazy()
    assert matches_by_benchmark(matches).rows() == [
        ("b", "prompt_pool", "near", "marked", 6), ("b", "prompt_pool", "ngram", "dropped", 1),
    ]  # fmt: skip
    assert match_examples(matches, per_benchmark=2)["method"].to_list() == ["near", "near", "ngram"]
