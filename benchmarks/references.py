"""Plants wrong references under judged samples, and counts which are found and which right ones are doubted.

Run from the repository root: `python -m benchmarks.references`. `--tables FOLDER` takes the tables of a finished run
besides the recorded answers; `--write FILE` puts the table between the markers of that file.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from benchmarks.sections import write
from openreason_dagster.domain.curation.suspect_references import answers_without_reference, suspect_references
from openreason_dagster.domain.recipe_references import References
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.verification.registry import KINDS_WITHOUT_REFERENCE, verifier
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.resources.judging import PROMPT_COLUMNS, TRACE_COLUMNS
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.verification_workers import verification_workers

RECORDED = Path(__file__).parents[1] / "tests/data/recorded_answers"
AMC, GYM = "llama3b_step400_amc23.jsonl", "llama70b_reasoning_gym_easy.jsonl"
BEGIN, END = "<!-- references: begin -->", "<!-- references: end -->"
HEAD = (
    "| samples | per prompt | least agreement | right references doubted | wrong ones found | of prompts mostly solved "
    "| majority answer right |\n|---|---:|---:|---:|---:|---:|---:|"
)
AGREEMENTS = (0.5, 0.8)
MINIMUM = References().minimum_samples
Judge = Callable[[Iterable[pl.DataFrame]], Iterator[pl.DataFrame]]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What was sampled, and for which prompts."""

    name: str
    per_prompt: str
    minimum: int
    """Judged samples from which on a reference may be doubted."""
    pool: pl.DataFrame
    """PROMPT_COLUMNS and domain; the references are taken as right."""
    traces: pl.DataFrame
    """TRACE_COLUMNS and reasoning."""


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, help="folder of a finished run's tables")
    parser.add_argument("--write", type=Path, help="Markdown file with the two markers")
    options = parser.parse_args()
    sets = [recorded("AMC-23, a 3B model", AMC, count) for count in (4, 8, 16, 50)]
    sets.append(recorded("reasoning-gym, a 70B model", GYM, 3))
    sets += [of_run(Tables(root=str(options.tables)))] if options.tables else []
    with verification_workers(Verification()) as workers:
        text = "\n".join([HEAD, *(line for samples in sets for line in measured(samples, workers))])
    print(text)
    if options.write:
        write(options.write, text, begin=BEGIN, end=END)


def recorded(name: str, file: str, count: int) -> Samples:
    """The first `count` recorded answers to each problem of a file."""
    rows = [json.loads(line) for line in (RECORDED / file).read_text(encoding="utf-8").splitlines()]
    prompts = [
        {"prompt_id": str(row["problem"]), "domain": "math", "verifier": "math", "verifier_spec": "{}"}
        | {"reference_answer": row["expected_answer"]}
        for row in rows
    ]
    key = {"model": name, "temperature": "imported", "think_state": "absent", "finish_reason": "stop"}
    traces = [
        key
        | {"trace_id": f"{row['problem']}-{index}", "prompt_id": str(row["problem"]), "reasoning": str(index)}
        | {"answer": "" if answer is None else verifier("math").present(answer)}
        for row in rows
        for index, answer in enumerate(row["answers"][:count])
    ]
    return Samples(
        name=name,
        per_prompt=str(count),
        minimum=min(count, MINIMUM),
        pool=pl.DataFrame(prompts),
        traces=pl.DataFrame(traces),
    )


def of_run(tables: Tables) -> Samples:
    """All samples of a finished run whose prompts need a reference."""
    pool = tables.scan("prompt_pool").filter(~pl.col("verifier").is_in(list(KINDS_WITHOUT_REFERENCE)))
    pool = pool.select(*PROMPT_COLUMNS, "domain")
    traces = tables.scan("sampled_traces").join(pool, on="prompt_id", how="semi").select(*TRACE_COLUMNS, "reasoning")
    found = traces.collect()
    counts = found.group_by("prompt_id").len()["len"].unique().sort()
    models = ", ".join(found["model"].unique().sort())
    return Samples(
        name=models, per_prompt=" to ".join(map(str, counts)), minimum=MINIMUM, pool=pool.collect(), traces=found
    )


def measured(samples: Samples, workers: Workers) -> Iterator[str]:
    """A line of the table for each least agreement."""

    def judge(batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        return (verify_batch(batch, workers, now=datetime.now(UTC)) for batch in batches)

    right, wrong = samples.pool, planted(samples.pool)
    judged_right, judged_wrong = judged(right, samples.traces, judge), judged(wrong, samples.traces, judge)
    solved = mostly_solved(judged_right["verified_traces"])
    for agreement in AGREEMENTS:
        rules = References(minimum_agreement=agreement, minimum_samples=samples.minimum)
        doubted, found = suspects(judged_right, judge, rules), suspects(judged_wrong, judge, rules)
        of_solved = found.filter(pl.col("prompt_id").is_in(list(solved))).height
        named = majority_is_right(found, right, judge)
        counts = (f"{doubted.height} of {right.height}", f"{found.height} of {wrong.height}")
        shares = (f"{of_solved} of {len(solved)}", f"{named} of {found.height}")
        yield "| " + " | ".join((samples.name, samples.per_prompt, str(agreement), *counts, *shares)) + " |"


def planted(pool: pl.DataFrame) -> pl.DataFrame:
    """The pool with every reference wrong: a whole number plus one, anything else another prompt's of its kind."""
    rows = []
    for row in pool.sort("prompt_id").iter_rows(named=True):
        others = pool.filter(verifier=row["verifier"], domain=row["domain"])["reference_answer"]
        others = others.filter(others != row["reference_answer"]).unique().sort()
        if (number := whole_number(row["reference_answer"])) is not None:
            rows.append(row | {"reference_answer": str(number + 1)})
        elif not others.is_empty():
            rows.append(row | {"reference_answer": others[0]})
    return pl.DataFrame(rows, schema=pool.schema)


def whole_number(text: str) -> int | None:
    """The number, also where it is written as 5.0."""
    digits = text.removesuffix(".0")
    return int(digits) if digits.removeprefix("-").isdecimal() else None


def judged(pool: pl.DataFrame, traces: pl.DataFrame, judge: Judge) -> Mapping[str, pl.LazyFrame]:
    """Tables of a run with these prompts."""
    rows = traces.select(TRACE_COLUMNS).join(pool.select(PROMPT_COLUMNS), on="prompt_id")
    verdicts = pl.concat(judge(rows.iter_slices(2_000)))
    return {"prompt_pool": pool.lazy(), "sampled_traces": traces.lazy(), "verified_traces": verdicts.lazy()}


def mostly_solved(verified: pl.LazyFrame) -> set[str]:
    """Prompts of whose samples at least half are correct."""
    correct = pl.col("is_correct").fill_null(value=False).mean()
    return set(verified.group_by("prompt_id").agg(correct).filter(pl.col("is_correct") >= 0.5).collect()["prompt_id"])


def suspects(tables: Mapping[str, pl.LazyFrame], judge: Judge, rules: References) -> pl.DataFrame:
    """What the platform doubts."""
    answers = answers_without_reference(tables, minimum_samples=rules.minimum_samples)
    return suspect_references(answers.collect(), judge, rules)


def majority_is_right(found: pl.DataFrame, right: pl.DataFrame, judge: Judge) -> int:
    """Suspects whose majority answer agrees with the right reference."""
    if found.is_empty():
        return 0
    joined = found.drop("reference_answer", "verifier").join(right.drop("domain"), on="prompt_id")
    answers = [verifier(kind).present(text) for kind, text in joined.select("verifier", "majority_answer").iter_rows()]
    fixed = {"model": "", "temperature": "", "think_state": "absent", "finish_reason": "stop"}
    traces = joined.select(PROMPT_COLUMNS).with_columns(
        pl.col("prompt_id").alias("trace_id"), pl.Series("answer", answers), **{k: pl.lit(v) for k, v in fixed.items()}
    )
    return int(pl.concat(judge([traces]))["is_correct"].fill_null(value=False).sum())


if __name__ == "__main__":
    main()
