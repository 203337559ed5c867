"""What overlaps benchmarks, and what becomes of it, as rows of benchmark_matches."""

from collections.abc import Iterable
from typing import Literal

import polars as pl

from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.curation.near_benchmarks import BenchmarkQuestions
from openreason_dagster.domain.each_part import EachPart, one_by_one
from openreason_dagster.domain.recipe_pool import Pool
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES

LONGEST_TEXT = 500
_ROWS_PER_FRAME = 1_000
Stage = Literal["prompt_pool", "sft_mix"]


class PromptComparison:
    """Finds prompts that share a run of words with a benchmark, and those that only resemble one of its questions.

    Args:
        benchmarks: With the columns of benchmark_prompts.
        rules: How long a run is, how alike questions have to be, and what becomes of those that are.
    """

    def __init__(self, benchmarks: pl.DataFrame, rules: Pool) -> None:
        self.runs = BenchmarkIndex(benchmarks, ngram=rules.ngram)
        self._questions = BenchmarkQuestions(benchmarks)
        self._texts = benchmarks.select("benchmark", "benchmark_row_id", matching_text="prompt")
        self._near = rules.near_benchmarks

    def matches(self, prompts: pl.DataFrame, *, stage: Stage, each: EachPart = one_by_one) -> pl.DataFrame:
        """Rows of benchmark_matches, at most one for each prompt: those that share a run come first.

        `prompts` has the columns prompt_id, prompt and solution.
        """
        texts = prompts.select("prompt_id", text="prompt")
        same = self.runs.overlaps(prompts, each=each)
        others = prompts.join(same, on="prompt_id", how="anti", maintain_order="left")
        near = self._questions.near(others, similarity=self._near.similarity, each=each)
        asked = near.join(self._texts, on=["benchmark", "benchmark_row_id"], maintain_order="left")
        decision = "dropped" if self._near.policy == "drop" else "marked"
        return pl.concat(
            [
                _rows(same.join(texts, on="prompt_id"), stage=stage, method="ngram", decision="dropped"),
                _rows(asked.join(texts, on="prompt_id"), stage=stage, method="near", decision=decision),
            ]
        )


def answer_matches(answers: Iterable[pl.DataFrame], benchmarks: BenchmarkIndex) -> pl.DataFrame:
    """The answers that share a run of words with a benchmark's question or solution.

    `answers` are frames with the columns trace_id, prompt_id and answer; one at a time is held in memory. Short answers
    are not compared whole: that an answer is 12 says nothing.
    """
    found = [_answer_matches(part, benchmarks) for part in answers]
    return pl.concat([BENCHMARK_MATCHES.frame([]), *found])


def matches_in_files(files: pl.DataFrame, *, wanted: pl.DataFrame, benchmarks: BenchmarkIndex) -> pl.DataFrame:
    """`answer_matches` for the traces of Parquet files, whose paths `files` has, that are among the `wanted`."""
    answers = (
        rows.join(wanted, on="trace_id", how="semi")
        for path in files["path"]
        for rows in pl.scan_parquet(path)
        .select("trace_id", "prompt_id", "answer")
        .collect_batches(chunk_size=_ROWS_PER_FRAME, engine="streaming")
    )
    return answer_matches(answers, benchmarks)


def _answer_matches(answers: pl.DataFrame, benchmarks: BenchmarkIndex) -> pl.DataFrame:
    texts = answers.select(prompt_id="trace_id", prompt=pl.lit(""), solution="answer")
    same = benchmarks.overlaps(texts).rename({"prompt_id": "trace_id"})
    rows = same.join(answers.select("trace_id", "prompt_id", text="answer"), on="trace_id")
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


def _rows(found: pl.DataFrame, *, stage: Stage, method: str, decision: str) -> pl.DataFrame:
    missing = {"trace_id": pl.lit(None, pl.String), "similarity": pl.lit(None, pl.Float64)}
    return found.with_columns(
        pl.col("text", "matching_text").str.head(LONGEST_TEXT),
        stage=pl.lit(stage),
        method=pl.lit(method),
        decision=pl.lit(decision),
        **{name: value for name, value in missing.items() if name not in found.columns},
    ).select(BENCHMARK_MATCHES.schema.names())
