"""What the report shows, computed from the tables: counts, small aggregates and a bounded list of traces.

Everything is aggregated lazily and streamed; no text of a trace is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.curation.benchmark_matches import match_examples, matches_by_benchmark
from openreason_dagster.domain.recipe_datasets import Answers
from openreason_dagster.domain.release.costs import sampling_costs
from openreason_dagster.domain.release.doubted_references import doubted_counts, doubted_examples
from openreason_dagster.domain.release.funnel import Funnel, count_funnel
from openreason_dagster.domain.release.judge_agreement import judge_agreement, judge_disagreements
from openreason_dagster.domain.release.language_report import language_consistency
from openreason_dagster.domain.release.left_out import left_out
from openreason_dagster.domain.release.model_scores import ModelScores, collect_model_scores
from openreason_dagster.domain.release.temperature_order import temperature_order
from openreason_dagster.domain.release.topic_counts import topic_counts
from openreason_dagster.domain.release.trace_sample import choose_traces
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.domain.verification.canaries import error_rates

PASS_AT_K = {1: "pass_at_1", 2: "pass_at_2", 4: "pass_at_4", 8: "pass_at_8"}
REWARD_COLUMNS = ("reward_accuracy", "reward_format", "reward_language_consistency", "reward_total")
PARTITION = ("model", "temperature")
HISTOGRAM_BINS = 30
DOUBTED_EXAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Rows at each stage."""

    seed_prompts: int
    prompt_pool: int
    sampled: int
    judged: int
    """Traces with verdict correct or incorrect."""
    correct: int
    kept: int
    """Traces in reasoning_data."""
    mix_train: int
    mix_validation: int
    completion_tokens: int
    """Tokens generated, where known."""
    prompts_sampled: int
    prompts_solved: int
    """Prompts with at least one correct trace."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Everything on the report page."""

    title: str
    description: str
    totals: Totals
    funnel: Funnel
    """Rows from stage to stage, and why the others did not go on."""
    pass_rates: pl.DataFrame
    """model, temperature, traces, judged, correct, pass_rate = correct / judged (null without judged traces)."""
    pass_at_k: pl.DataFrame
    """model, temperature, k, pass_at_k = mean over prompts, prompts = how many have an estimate."""
    verdicts: pl.DataFrame
    """model, temperature, verdict, traces."""
    lengths: pl.DataFrame
    """model, start, width, traces: histogram of completion tokens; a bin holds start <= tokens < start + width."""
    reward_totals: pl.DataFrame
    """is_correct, start, width, traces: histogram of the total reward."""
    mean_rewards: pl.DataFrame
    """model, temperature and the mean of each reward column where it is known."""
    language_consistency: pl.DataFrame
    """OR5 per language of the prompt, model and temperature (see language_report)."""
    verifier_errors: pl.DataFrame
    """Per verifier of the pool: known right and wrong answers, and how many of them it got wrong (see canaries)."""
    doubted: pl.DataFrame
    """treatment, prompts, rows: prompts with a suspect reference, and rows of the mix made from them."""
    doubted_examples: pl.DataFrame
    """Some of them to look at (see doubted_references)."""
    judge_agreement: pl.DataFrame
    """How often a judge model came to what verdict beside the rule's (see judge_agreement)."""
    judge_disagreements: pl.DataFrame
    """Examples of it."""
    model_scores: ModelScores
    """What reward models and judges found of answers that no verifier decides about."""
    costs: pl.DataFrame
    """What was spent per model and temperature (see costs)."""
    left_out: pl.DataFrame
    """stage, what, reason, rows (see left_out)."""
    topics: pl.DataFrame
    """topic, prompts, rows (see topic_counts)."""
    benchmark_matches: pl.DataFrame
    """benchmark, stage, method, decision, rows."""
    match_examples: pl.DataFrame
    """Some of the overlaps to read (see benchmark_matches)."""
    traces: pl.DataFrame
    """The list of traces to read (see `choose_traces`)."""


def collect_report_data(
    tables: Mapping[str, pl.LazyFrame],
    *,
    title: str,
    description: str,
    most_traces: int = 100_000,
    answers: Answers = "correct",
) -> ReportData:
    """Aggregate the tables for the report.

    `tables` maps table names to lazy frames with the schemas of `schemas.TABLES`; a table that is left out counts as
    empty. At most `most_traces` are listed to be read. `answers` is the recipe's `reasoning_data.answers`.
    """
    known = with_empty_tables(tables)
    return ReportData(
        title=title,
        description=description,
        totals=_totals(known),
        funnel=count_funnel(known, answers=answers),
        pass_rates=pass_rates(known["verified_traces"]),
        pass_at_k=pass_at_k(known["prompt_statistics"]),
        verdicts=verdict_counts(known["verified_traces"]),
        lengths=completion_lengths(known["sampled_traces"]),
        reward_totals=reward_totals(known["scored_traces"]),
        mean_rewards=_mean_rewards(known["scored_traces"]),
        language_consistency=language_consistency(known),
        verifier_errors=error_rates(known["verification_canaries"]).drop("canary_set"),
        doubted=doubted_counts(known),
        doubted_examples=doubted_examples(known, size=DOUBTED_EXAMPLES),
        judge_agreement=judge_agreement(known["judge_verdicts"]),
        judge_disagreements=judge_disagreements(known),
        model_scores=collect_model_scores(known),
        costs=sampling_costs(known),
        left_out=left_out(known),
        topics=topic_counts(known),
        benchmark_matches=matches_by_benchmark(known["benchmark_matches"]),
        match_examples=match_examples(known["benchmark_matches"]),
        traces=choose_traces(known, size=most_traces),
    )


def with_empty_tables(tables: Mapping[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """Every table of the platform by name; one that is not in `tables` has no rows."""
    return {name: tables.get(name, table.frame([]).lazy()) for name, table in TABLES.items()}


def _collect(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="streaming")


def _by_partition(frame: pl.LazyFrame, *more: str) -> pl.DataFrame:
    return _collect(frame).sort("model", temperature_order(pl.col("temperature")), *more)


def _totals(tables: Mapping[str, pl.LazyFrame]) -> Totals:
    count = {
        name: _collect(tables[name].select(pl.len())).item()
        for name in ("seed_prompts", "prompt_pool", "sampled_traces", "reasoning_data")
    }
    verified = _collect(
        tables["verified_traces"].select(
            judged=pl.col("is_correct").count(),
            correct=pl.col("is_correct").sum(),
            prompts_sampled=pl.col("prompt_id").n_unique(),
            prompts_solved=pl.col("prompt_id").filter(pl.col("is_correct")).n_unique(),
        )
    ).row(0, named=True)
    mix = dict(_collect(tables["sft_mix"].group_by("split").agg(pl.len())).iter_rows())
    tokens = _collect(tables["sampled_traces"].select(pl.col("completion_tokens").sum())).item()
    return Totals(
        seed_prompts=count["seed_prompts"],
        prompt_pool=count["prompt_pool"],
        sampled=count["sampled_traces"],
        kept=count["reasoning_data"],
        mix_train=mix.get("train", 0),
        mix_validation=mix.get("validation", 0),
        completion_tokens=tokens,
        **verified,
    )


def pass_rates(verified: pl.LazyFrame) -> pl.DataFrame:
    """Correct share of judged traces per model and temperature; null where none was judged."""
    judged, correct = pl.col("is_correct").count(), pl.col("is_correct").sum()
    rates = verified.group_by(PARTITION).agg(traces=pl.len(), judged=judged, correct=correct)
    share = pl.when(pl.col("judged") > 0).then(pl.col("correct") / pl.col("judged"))
    return _by_partition(rates.with_columns(pass_rate=share))


def pass_at_k(statistics: pl.LazyFrame) -> pl.DataFrame:
    """Mean pass@k over prompts per model, temperature and k, with the number of prompts it covers."""
    long = statistics.select(*PARTITION, *PASS_AT_K.values()).unpivot(index=PARTITION, variable_name="estimate")
    means = (
        long.drop_nulls("value")
        .group_by(*PARTITION, "estimate")
        .agg(pass_at_k=pl.col("value").mean(), prompts=pl.len())
    )
    k = pl.col("estimate").replace_strict({name: k for k, name in PASS_AT_K.items()}, return_dtype=pl.Int64)
    return _by_partition(means.select(*PARTITION, k.alias("k"), "pass_at_k", "prompts"), "k")


def verdict_counts(verified: pl.LazyFrame) -> pl.DataFrame:
    """Traces per model, temperature and verdict."""
    return _by_partition(verified.group_by(*PARTITION, "verdict").agg(traces=pl.len()), "verdict")


def reward_totals(scored: pl.LazyFrame) -> pl.DataFrame:
    """Histogram of the total reward: is_correct, start and width of the bin, traces."""
    judged = scored.with_columns(is_correct=pl.col("reward_accuracy") > 0)
    return _histogram(judged, value="reward_total", by="is_correct", least_width=0.05)


def completion_lengths(sampled: pl.LazyFrame) -> pl.DataFrame:
    """Histogram of tokens generated: model, start and width of the bin, traces."""
    return _histogram(sampled, value="completion_tokens", by="model", least_width=1.0)


def _mean_rewards(scored: pl.LazyFrame) -> pl.DataFrame:
    return _by_partition(scored.group_by(PARTITION).agg(pl.col(*REWARD_COLUMNS).mean()))


def _histogram(frame: pl.LazyFrame, *, value: str, by: str, least_width: float) -> pl.DataFrame:
    """Counts per bin and group; the bins are a round number wide and start at a multiple of their width."""
    known = frame.drop_nulls(value).select(by, pl.col(value).cast(pl.Float64).alias("value"))
    low, high = _collect(known.select(pl.col("value").min().alias("low"), pl.col("value").max().alias("high"))).row(0)
    width = least_width if low is None else max(least_width, _round_up((high - low) / HISTOGRAM_BINS))
    place = (pl.col("value") / width).round(6).floor()
    counts = known.group_by(by, start=(place * width).round(6)).agg(traces=pl.len())
    return _collect(counts.select(by, "start", pl.lit(width).alias("width"), "traces")).sort(by, "start")


def _round_up(width: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below `width`; 0 for 0."""
    if width <= 0:
        return 0.0
    power = 10.0 ** _exponent(width)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width)


def _exponent(width: float) -> int:
    return int(f"{width:e}".split("e")[1])
