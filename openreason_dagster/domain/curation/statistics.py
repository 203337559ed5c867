"""How well each model answers each prompt: pass@k, majority answer and difficulty."""

import polars as pl

from openreason_dagster.domain.curation.buckets import difficulty_band
from openreason_dagster.domain.curation.pass_at_k import PASS_AT, outcomes_by_round, pass_at, pass_at_k_table
from openreason_dagster.domain.inference.adaptive import SamplingRule
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import PROMPT_STATISTICS

_GROUP = ("prompt_id", "model", "temperature")


def prompt_statistics(
    verified: pl.DataFrame | pl.LazyFrame, pool: pl.DataFrame | pl.LazyFrame, *, rule: SamplingRule | None = None
) -> pl.DataFrame:
    """Rows of prompt_statistics for every (prompt, model, temperature) that has traces and is in the pool.

    `verified` has the columns of verified_traces, `pool` those of prompt_pool. Traces that were not judged count as
    samples only. The majority answer is the most frequent extracted answer of all traces, judged or not, and the
    smallest text among equally frequent ones; whether it is correct is unknown (null) where no trace with that answer
    was judged, or where such traces were judged differently.

    `rule` is the one by which sampling was stopped, None where the number of samples was fixed. With a rule,
    `verified` also has the column sample_index, and pass@k allows for the stopping; the difficulty band is the plain
    share of the judged traces either way.
    """
    traces = verified.lazy()
    counts = traces.group_by(_GROUP).agg(
        samples=pl.len().cast(pl.Int64),
        judged=pl.col("is_correct").is_not_null().sum().cast(pl.Int64),
        correct=(pl.col("verdict") == Verdict.CORRECT.value).sum().cast(pl.Int64),
    )
    return (
        _with_pass_at(counts, traces, rule)
        .join(_majority(traces), on=_GROUP, how="left")
        .join(pool.lazy().select("prompt_id", "domain"), on="prompt_id", how="inner", validate="m:1")
        .with_columns(difficulty_band=difficulty_band())
        .select(PROMPT_STATISTICS.schema.names())
        .sort(_GROUP)
        .collect()
    )


def _with_pass_at(counts: pl.LazyFrame, traces: pl.LazyFrame, rule: SamplingRule | None) -> pl.LazyFrame:
    if rule is None:
        return counts.with_columns(pass_at(k).alias(f"pass_at_{k}") for k in PASS_AT)
    outcomes = outcomes_by_round(traces, rule, _GROUP).collect()
    estimates = pass_at_k_table(rule, outcomes).drop("judged_by_round", "correct")
    return counts.join(estimates.lazy(), on=_GROUP, how="left")


def _majority(traces: pl.LazyFrame) -> pl.LazyFrame:
    """`majority_answer` and `is_majority_correct` of every group with an extracted answer."""
    known = pl.col("is_correct")
    return (
        traces.filter(pl.col("extracted_answer").is_not_null())
        .group_by(*_GROUP, "extracted_answer")
        .agg(votes=pl.len(), is_majority_correct=pl.when(known.min() == known.max()).then(known.min()))
        .sort(pl.col("votes"), "extracted_answer", descending=[True, False])
        .group_by(_GROUP, maintain_order=True)
        .agg(
            majority_answer=pl.col("extracted_answer").first(),
            is_majority_correct=pl.col("is_majority_correct").first(),
        )
    )
