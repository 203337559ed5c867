"""What overlaps benchmarks, and what becomes of it, as rows of benchmark_matches."""

from collections.abc import Iterable

import polars as pl

from openreason_dagster.domain.curation.decontamination import overlaps
from openreason_dagster.domain.curation.near_benchmarks import near_benchmark_questions
from openreason_dagster.domain.recipe_pool import Pool
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES

LONGEST_TEXT = 500


def pool_matches(prompts: pl.DataFrame, benchmarks: pl.DataFrame, rules: Pool) -> pl.DataFrame:
    """The prompts that share a run of words with a benchmark, then those that only resemble one of its questions.

    `prompts` has the columns prompt_id, prompt and solution. Each prompt has at most one row.
    """
    texts = prompts.select("prompt_id", text="prompt")
    same = overlaps(prompts, benchmarks, ngram=rules.ngram)
    others = prompts.join(same, on="prompt_id", how="anti", maintain_order="left")
    near = near_benchmark_questions(others, benchmarks, similarity=rules.near_benchmarks.similarity)
    questions = benchmarks.select("benchmark", "benchmark_row_id", matching_text="prompt")
    asked = near.join(questions, on=["benchmark", "benchmark_row_id"], maintain_order="left")
    decision = "dropped" if rules.near_benchmarks.policy == "drop" else "marked"
    return pl.concat(
        [
            _rows(same.join(texts, on="prompt_id"), stage="prompt_pool", method="ngram", decision="dropped"),
            _rows(asked.join(texts, on="prompt_id"), stage="prompt_pool", method="near", decision=decision),
        ]
    )


def answer_matches(answers: Iterable[pl.DataFrame], benchmarks: pl.DataFrame, *, ngram: int) -> pl.DataFrame:
    """The answers that share a run of words with a benchmark's question or solution.

    `answers` are frames with the columns trace_id, prompt_id and answer; one at a time is held in memory. Short answers
    are not compared whole: that an answer is 12 says nothing.
    """
    found = [_answer_matches(part, benchmarks, ngram) for part in answers]
    return pl.concat([BENCHMARK_MATCHES.frame([]), *found])


def _answer_matches(answers: pl.DataFrame, benchmarks: pl.DataFrame, ngram: int) -> pl.DataFrame:
    texts = answers.select(prompt_id="trace_id", prompt=pl.lit(""), solution="answer")
    same = overlaps(texts, benchmarks, ngram=ngram).rename({"prompt_id": "trace_id"})
    rows = same.join(answers.select("trace_id", "prompt_id", text="answer"), on="trace_id")
    return _rows(rows, stage="sft_mix", method="ngram", decision="dropped")


def prompt_matches(prompts: pl.DataFrame, benchmarks: pl.DataFrame, *, ngram: int) -> pl.DataFrame:
    """The prompts of a mix that share a run of words with a benchmark, whatever the pool was compared with."""
    same = overlaps(prompts.with_columns(solution=pl.lit(None, pl.String)), benchmarks, ngram=ngram)
    rows = same.join(prompts.select("prompt_id", text="prompt"), on="prompt_id")
    return _rows(rows, stage="sft_mix", method="ngram", decision="dropped")


def matches_by_benchmark(matches: pl.LazyFrame) -> pl.DataFrame:
    """How many prompts and answers of each stage overlap each benchmark: by method and decision, `rows`."""
    keys = ["benchmark", "stage", "method", "decision"]
    return matches.group_by(keys).len("rows").sort(keys).collect().cast({"rows": pl.Int64})


def match_examples(matches: pl.LazyFrame, *, per_benchmark: int = 3) -> pl.DataFrame:
    """Some overlaps of each benchmark and method to read, the least similar first: where the comparison errs."""
    keys = ["benchmark", "method"]
    place = pl.int_range(pl.len()).over(keys)
    columns = (*keys, "similarity", "decision", "text", "matching_text")
    ordered = matches.sort(*keys, "similarity", "prompt_id", "trace_id")
    return ordered.filter(place < per_benchmark).select(columns).collect()


def _rows(found: pl.DataFrame, *, stage: str, method: str, decision: str) -> pl.DataFrame:
    missing = {"trace_id": pl.lit(None, pl.String), "similarity": pl.lit(None, pl.Float64)}
    return found.with_columns(
        pl.col("text", "matching_text").str.head(LONGEST_TEXT),
        stage=pl.lit(stage),
        method=pl.lit(method),
        decision=pl.lit(decision),
        **{name: value for name, value in missing.items() if name not in found.columns},
    ).select(BENCHMARK_MATCHES.schema.names())
