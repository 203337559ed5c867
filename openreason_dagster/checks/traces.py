"""Checks of sampled, verified and scored traces, per model and temperature."""

from collections.abc import Callable

import dagster as dg
import polars as pl

from openreason_dagster.checks.partitioned import Finding, check_partitions
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release import gates
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.verification.canaries import error_rates
from openreason_dagster.domain.verification.verify import IS_MACHINE_FAILURE
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

Judge = Callable[[Tables, Recipe, dict[str, str]], Finding]
"""Judges one partition, given as `{"model": …, "temperature": …}`."""


def trace_checks(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """All checks that share the partitions of the trace assets; each blocks what is built on the partition."""
    return [
        _check("sampled_traces", "sampled_traces_are_unique", judge=duplicated_traces, partitions=partitions),
        _check("verified_traces", "every_trace_has_a_verdict", judge=unjudged_traces, partitions=partitions),
        _check("verified_traces", "machine_failures_are_rare", judge=machine_failures, partitions=partitions),
        _check("verified_traces", "verifiers_are_right", judge=verifier_errors, partitions=partitions),
        _check("scored_traces", "every_verdict_has_rewards", judge=unscored_verdicts, partitions=partitions),
    ]


def duplicated_traces(tables: Tables, _recipe: Recipe, keys: dict[str, str]) -> Finding:
    """No trace_id and no (prompt, sample index, fingerprint) occurs twice."""
    rows = tables.scan("sampled_traces", **keys)
    figures = rows.select(
        traces=pl.len(),
        repeated_ids=pl.len() - pl.col("trace_id").n_unique(),
        repeated_samples=pl.len() - pl.struct("prompt_id", "sample_index", "fingerprint").n_unique(),
    )
    counts = figures.collect().row(0, named=True)
    return Finding(counts["repeated_ids"] == 0 and counts["repeated_samples"] == 0, counts)


def unjudged_traces(tables: Tables, _recipe: Recipe, keys: dict[str, str]) -> Finding:
    """Every sampled trace of a pool prompt has exactly one verdict, and every verdict a trace."""
    pool = tables.scan("prompt_pool").select("prompt_id")
    traces = tables.scan("sampled_traces", **keys).select("trace_id", "prompt_id")
    verdicts = tables.scan("verified_traces", **keys).select("trace_id")
    in_pool = traces.join(pool, on="prompt_id", how="semi")
    counts = {
        "traces": count_rows(in_pool),
        "verdicts": count_rows(verdicts),
        "without_verdict": count_rows(in_pool.join(verdicts, on="trace_id", how="anti")),
        "verdict_without_trace": count_rows(verdicts.join(traces, on="trace_id", how="anti")),
        "repeated_verdicts": count_rows(verdicts) - count_rows(verdicts.unique()),
    }
    faults = ("without_verdict", "verdict_without_trace", "repeated_verdicts")
    return Finding(not any(counts[fault] for fault in faults), counts)


def machine_failures(tables: Tables, recipe: Recipe, keys: dict[str, str]) -> Finding:
    """Few verdicts on pool prompts are failures of the verifier, not of the model: errors, and timeouts but of code."""
    counts = _pool_verdicts(tables, keys).select(verdicts=pl.len(), failed=IS_MACHINE_FAILURE.sum())
    verdicts, failed = counts.collect().row(0)
    limit = recipe.verification.error_share_limit
    share = failed / verdicts if verdicts else 0.0
    return Finding(share <= limit, {"verdicts": verdicts, "failed": failed, "share": share, "limit": limit})


def verifier_errors(tables: Tables, recipe: Recipe, _keys: dict[str, str]) -> Finding:
    """No verifier of the pool is wrong on known answers, in either direction, more often than the recipe allows.

    A canary that no machine judged is no error; one at least of each sort must have been judged.
    """
    kinds = sorted(tables.scan("prompt_pool").select("verifier").unique().collect()["verifier"])
    known = tables.scan("verification_canaries")
    result = gates.verifier_errors(kinds, known, limits=recipe.verification)
    rates = error_rates(known.filter(pl.col("verifier").is_in(kinds)))
    figures: dict[str, object] = {
        name: int(rates[name].sum()) for name in ("right", "wrong", "false_accepts", "false_rejects")
    }
    return Finding(result.passed, figures | {"found": result.found, "limit": result.limit})


def unscored_verdicts(tables: Tables, _recipe: Recipe, keys: dict[str, str]) -> Finding:
    """Every verdict on a pool prompt has rewards, and rewards lie between 0 and 1."""
    verdicts = _pool_verdicts(tables, keys).select("trace_id")
    scores = tables.scan("scored_traces", **keys)
    bounded = pl.all_horizontal(
        pl.col("reward_accuracy", "reward_format", "reward_language_consistency").is_between(0, 1).fill_null(value=True)
    )
    counts = {
        "verdicts": count_rows(verdicts),
        "without_rewards": count_rows(verdicts.join(scores, on="trace_id", how="anti")),
        "out_of_bounds": count_rows(scores.filter(~bounded)),
    }
    return Finding(counts["without_rewards"] == 0 and counts["out_of_bounds"] == 0, counts)


def _pool_verdicts(tables: Tables, keys: dict[str, str]) -> pl.LazyFrame:
    """Verdicts on prompts of the pool; those on other prompts are kept for other recipes."""
    pool = tables.scan("prompt_pool").select("prompt_id")
    return tables.scan("verified_traces", **keys).join(pool, on="prompt_id", how="semi")


def _check(
    asset: str, name: str, *, judge: Judge, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset, name=name, blocking=True, partitions_def=partitions, description=judge.__doc__)
    def check(context: dg.AssetCheckExecutionContext, tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
        recipe = workspace.recipe()
        return check_partitions(context, asset, name, judge=lambda keys: judge(tables, recipe, keys))

    return check
