"""Checks of what policies and reward models learn from."""

import dagster as dg
import polars as pl

from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.datasets.replaced_references import verdicts_in_effect
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.resources.tables import Tables


@dg.asset_check(asset="rl_prompts", blocking=True)
def rl_prompts_and_dropped_are_the_pool(tables: Tables) -> dg.AssetCheckResult:
    """Every prompt of the pool is an RL prompt or was left out for a reason, and none is both."""
    return _accounts_for_the_pool(tables, tables.scan("rl_prompts"), tables.scan("rl_prompts_dropped"))


@dg.asset_check(asset="rl_prompts", blocking=True, additional_deps=["preference_pairs", "sft_mix"])
def no_cluster_is_in_two_splits_of_any_set(tables: Tables) -> dg.AssetCheckResult:
    """A prompt and its near-duplicates are in the same split wherever they are trained on."""
    names = ("rl_prompts", "preference_pairs", "sft_mix")
    places = pl.concat([tables.scan(name).select("prompt_id", "split") for name in names])
    splits = with_cluster(places, tables.scan("prompt_clusters")).group_by("cluster_id").agg(pl.col("split").n_unique())
    torn = count_rows(splits.filter(pl.col("split") > 1))
    return dg.AssetCheckResult(passed=torn == 0, metadata={"clusters_in_two_splits": torn})


@dg.asset_check(asset="preference_pairs", blocking=True)
def pairs_and_dropped_are_the_pool(tables: Tables) -> dg.AssetCheckResult:
    """Every prompt of the pool has a pair of verified traces or the reason why it has none, and not both."""
    pairs = tables.scan("preference_pairs", method="verified").select("prompt_id").unique()
    return _accounts_for_the_pool(tables, pairs, tables.scan("preference_pairs_dropped", method="verified"))


@dg.asset_check(asset="preference_pairs", blocking=True)
def pairs_are_correct_against_incorrect(tables: Tables) -> dg.AssetCheckResult:
    """Of verified pairs the chosen trace is correct, the rejected one incorrect, and both answer the pair's prompt.

    Correct against the reference, or against the answer that took its place.
    """
    names = ("verified_traces", "suspect_references", "replaced_verdicts")
    verdicts = verdicts_in_effect({name: tables.scan(name) for name in names})
    wrong = 0
    for side, verdict in (("chosen_trace_id", "correct"), ("rejected_trace_id", "incorrect")):
        verified = verdicts.filter(pl.col("verdict") == verdict)
        rows = tables.scan("preference_pairs", method="verified").select("prompt_id", trace_id=side)
        wrong += count_rows(rows.join(verified, on=["prompt_id", "trace_id"], how="anti"))
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"traces_with_another_verdict": wrong})


def _accounts_for_the_pool(tables: Tables, kept: pl.LazyFrame, dropped: pl.LazyFrame) -> dg.AssetCheckResult:
    found = pl.concat([kept.select("prompt_id"), dropped.select("prompt_id")])
    pool = tables.scan("prompt_pool").select("prompt_id")
    numbers = {
        "missing": count_rows(pool.join(found, on="prompt_id", how="anti")),
        "not_in_the_pool": count_rows(found.join(pool, on="prompt_id", how="anti")),
        "kept_and_dropped": count_rows(found) - count_rows(found.unique()),
    }
    return dg.AssetCheckResult(passed=not any(numbers.values()), metadata=numbers)
