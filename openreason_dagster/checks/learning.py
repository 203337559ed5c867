"""Checks of what policies and reward models learn from."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import count
from openreason_dagster.resources.tables import Tables


@dg.asset_check(asset="rl_prompts", blocking=True)
def rl_prompts_and_dropped_are_the_pool(tables: Tables) -> dg.AssetCheckResult:
    """Every prompt of the pool is an RL prompt or was left out for a reason, and none is both."""
    kept, dropped = (tables.scan(name).select("prompt_id") for name in ("rl_prompts", "rl_prompts_dropped"))
    found, pool = pl.concat([kept, dropped]).sort("prompt_id").collect(), tables.scan("prompt_pool").select("prompt_id")
    missing = count(pool.join(found.lazy(), on="prompt_id", how="anti"))
    unknown = count(found.lazy().join(pool, on="prompt_id", how="anti"))
    twice = found.height - found.n_unique()
    return dg.AssetCheckResult(
        passed=not (missing or unknown or twice),
        metadata={"missing": missing, "not_in_the_pool": unknown, "kept_and_dropped": twice},
    )


@dg.asset_check(asset="rl_prompts", blocking=True, additional_deps=["preference_pairs", "sft_mix"])
def no_rl_prompt_leaks_between_splits(tables: Tables) -> dg.AssetCheckResult:
    """A prompt is in the same split wherever it is trained on."""
    names = ("rl_prompts", "preference_pairs", "sft_mix")
    places = pl.concat([tables.scan(name).select("prompt_id", "split") for name in names])
    torn = count(places.group_by("prompt_id").agg(pl.col("split").n_unique()).filter(pl.col("split") > 1))
    return dg.AssetCheckResult(passed=torn == 0, metadata={"prompts_in_two_splits": torn})


@dg.asset_check(asset="preference_pairs", blocking=True)
def pairs_are_correct_against_incorrect(tables: Tables) -> dg.AssetCheckResult:
    """Of each pair by verdict, the chosen trace is correct, the rejected one incorrect, and both answer the prompt."""
    wrong = 0
    for side, verdict in (("chosen_trace_id", "correct"), ("rejected_trace_id", "incorrect")):
        judged = (
            tables.scan("verified_traces").filter(pl.col("verdict") == verdict).select("prompt_id", trace="trace_id")
        )
        rows = tables.scan("preference_pairs", method="verified")
        wrong += count(rows.join(judged, left_on=["prompt_id", side], right_on=["prompt_id", "trace"], how="anti"))
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"traces_with_another_verdict": wrong})
