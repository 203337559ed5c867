"""Checks of what policies and reward models learn from."""

import dagster as dg
import polars as pl

from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.datasets.replaced_references import verdicts_in_effect
from openreason_dagster.domain.datasets.vote_pairs import undecided_pairs
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dg.asset_check(asset="rl_prompts", blocking=True)
def rl_prompts_and_dropped_are_the_pool(tables: Tables) -> dg.AssetCheckResult:
    """Every prompt of the pool is an RL prompt or was left out for a reason, and none is both."""
    return _accounts_for_the_pool(tables, tables.scan("rl_prompts"), tables.scan("rl_prompts_dropped"))


@dg.asset_check(asset="rl_prompts", blocking=True, additional_deps=["preference_pairs", "safety_set", "sft_mix"])
def no_cluster_is_in_two_splits_of_any_set(tables: Tables) -> dg.AssetCheckResult:
    """A prompt and its near-duplicates are in the same split wherever they are trained on."""
    names = ("rl_prompts", "preference_pairs", "safety_set", "sft_mix")
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
def pairs_by_votes_are_decided(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """Every pair by votes was voted for in both orders as often as the recipe says, by the margin that it says."""
    rules = workspace.recipe().preference_pairs.votes
    pairs = tables.scan("preference_pairs", method="votes")
    wrong = (
        count_rows(pairs)
        if rules is None
        else count_rows(undecided_pairs(pairs, tables.scan("preference_votes"), rules))
    )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"pairs_without_a_decision": wrong})


@dg.asset_check(asset="safety_set", blocking=True)
def responses_are_labelled_once(tables: Tables) -> dg.AssetCheckResult:
    """A response has one label, safe or unsafe where it was judged and else unknown, or the reason why it has none."""
    rows, dropped = tables.scan("safety_set"), tables.scan("safety_set_dropped")
    is_judged = pl.col("reason") == "judged"
    good = pl.when(is_judged).then(pl.col("label").is_in(["safe", "unsafe"])).otherwise(pl.col("label") == "unknown")
    found = pl.concat([rows.select("trace_id"), dropped.select("trace_id")])
    numbers = {
        "other_labels": count_rows(rows.filter(~good)),
        "labelled_twice_or_dropped": count_rows(found) - count_rows(found.unique()),
    }
    return dg.AssetCheckResult(passed=not any(numbers.values()), metadata=numbers)


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


@dg.asset_check(asset="model_rewards", blocking=True)
def reward_models_gave_numbers(tables: Tables) -> dg.AssetCheckResult:
    """Every score is a finite number or missing, and a response has one of each reward model."""
    rows = tables.scan("model_rewards")
    identities = rows.select("trace_id", "reward", "fingerprint")
    numbers = {
        "not_finite": count_rows(rows.filter(~pl.col("score").is_finite())),
        "scored_twice": count_rows(identities) - count_rows(identities.unique()),
    }
    return dg.AssetCheckResult(passed=not any(numbers.values()), metadata=numbers)


def _accounts_for_the_pool(tables: Tables, kept: pl.LazyFrame, dropped: pl.LazyFrame) -> dg.AssetCheckResult:
    found = pl.concat([kept.select("prompt_id"), dropped.select("prompt_id")])
    pool = tables.scan("prompt_pool").select("prompt_id")
    numbers = {
        "missing": count_rows(pool.join(found, on="prompt_id", how="anti")),
        "not_in_the_pool": count_rows(found.join(pool, on="prompt_id", how="anti")),
        "kept_and_dropped": count_rows(found) - count_rows(found.unique()),
    }
    return dg.AssetCheckResult(passed=not any(numbers.values()), metadata=numbers)
