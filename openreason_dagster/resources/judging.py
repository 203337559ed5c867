"""Verdicts for committed traces: each trace is judged once by each version of its verifier."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import polars as pl

from openreason_dagster.domain.inference.plan import SamplingPlan
from openreason_dagster.domain.inference.request_source import Outcomes
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.verification.canaries import canaries, error_rates, judged_canaries
from openreason_dagster.domain.verification.registry import VERIFIER_VERSIONS
from openreason_dagster.domain.verification.verify import IS_MACHINE_FAILURE, Judge, verify_at_once, verify_batch
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.resources.ray_verification import RayVerification
from openreason_dagster.resources.settings import Settings
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.verification_workers import verification_workers

PROMPT_COLUMNS = ("prompt_id", "reference_answer", "verifier", "verifier_spec")
"""What of a prompt is needed to judge an answer to it."""
_ROWS_PER_COMMIT = 2_000
_ROWS_PER_GLANCE = 32
TRACE_COLUMNS = ("trace_id", "prompt_id", "model", "temperature", "answer", "think_state", "finish_reason")
"""What of a trace is judged."""


def judge_here(workers: Workers) -> Judge:
    """Judges one batch after the other with worker processes of this machine."""
    return lambda batches: (verify_batch(rows, workers, now=datetime.now(UTC)) for rows in batches)


@contextmanager
def judge_of(verification: Verification) -> Iterator[Judge]:
    """Judges where the recipe says, for as long as the context lasts.

    Raises:
        EngineError: the Ray cluster cannot be joined.
        VerificationError: Ray is not installed.
    """
    if verification.runner == "local":
        with verification_workers(verification) as workers:
            yield judge_here(workers)
    else:
        with RayVerification(verification, Settings.from_environment().ray_address) as cluster:
            yield cluster.judge


def verify_partition(
    tables: Tables,
    judge: Judge,
    *,
    model: str,
    temperature: str,
    versions: Mapping[str, str] = VERIFIER_VERSIONS,
) -> int:
    """Judge what of a partition has no valid verdict yet, committing as it goes; returns how many were judged.

    Args:
        tables: Traces, prompts and verdicts.
        judge: Who judges.
        model: The partition's model.
        temperature: The partition's temperature key.
        versions: Version that a valid verdict has, per kind of verifier.
    """
    keys = {"model": model, "temperature": temperature}
    prompts = tables.scan("prompt_pool").select("prompt", *PROMPT_COLUMNS)
    traces = tables.scan("sampled_traces", **keys).select(TRACE_COLUMNS).join(prompts, on="prompt_id", how="inner")
    _drop_outdated(tables, traces, keys, versions=versions)
    _drop_evidence_without_verdict(tables, keys)
    pending = traces.join(tables.scan("verified_traces", **keys), on="trace_id", how="anti")
    judged = 0
    for verdicts in judge(pending.collect_batches(chunk_size=_ROWS_PER_COMMIT, engine="streaming")):
        tables.append("verified_traces", verdicts)
        judged += verdicts.height
    return judged


def _drop_outdated(tables: Tables, traces: pl.LazyFrame, keys: dict[str, str], *, versions: Mapping[str, str]) -> None:
    """Drop verdicts that must be found again: by another verifier or reference, or of a machine that failed.

    Verdicts on traces of prompts outside the pool stay, because another recipe may need them. Two runs at once can
    have judged a trace twice; one verdict of each is enough.
    """
    verdicts = tables.scan("verified_traces", **keys).collect()
    version = pl.col("verifier").replace_strict(versions)
    wanted = traces.select("trace_id", wanted_reference="reference_answer", wanted_version=version).collect()
    judged = verdicts.unique("trace_id", keep="last", maintain_order=True).join(wanted, on="trace_id", how="left")
    is_in_pool = pl.col("wanted_version").is_not_null()
    is_same = (pl.col("verifier_version") == pl.col("wanted_version")) & pl.col("reference_answer").eq_missing(
        pl.col("wanted_reference")
    )
    kept = judged.filter(~is_in_pool | (is_same & ~IS_MACHINE_FAILURE))
    if kept.height < verdicts.height:
        tables.replace("verified_traces", kept.select(verdicts.columns), **keys)


def _drop_evidence_without_verdict(tables: Tables, keys: dict[str, str]) -> None:
    """Drop what a judge model found on traces whose verdict is to be found again, or what two runs found at once."""
    evidence = tables.scan("judge_verdicts", **keys)
    verdicts = tables.scan("verified_traces", **keys).select("trace_id").collect()
    found = evidence.select("trace_id").collect()
    if found.unique().join(verdicts, on="trace_id", how="semi").height < found.height:
        single = evidence.collect().unique("trace_id", keep="last", maintain_order=True)
        tables.replace("judge_verdicts", single.join(verdicts, on="trace_id", how="semi"), **keys)


def verify_rows(tables: Tables, workers: Workers, rows: pl.DataFrame, prompts: pl.DataFrame) -> Mapping[str, bool]:
    """Judge traces that were just committed, commit the verdicts, and say of each trace_id whether it is correct.

    Args:
        tables: Where the verdicts go.
        workers: The processes that judge.
        rows: Rows of sampled_traces.
        prompts: Their prompts, with `PROMPT_COLUMNS`.
    """
    verdicts = verify_batch(_with_prompts(rows, prompts), workers, now=datetime.now(UTC))
    tables.append("verified_traces", verdicts)
    return dict(verdicts.select("trace_id", pl.col("is_correct").fill_null(value=False)).iter_rows())


def glance_at_rows(rows: pl.DataFrame, prompts: pl.DataFrame) -> Mapping[str, bool]:
    """Whether traces spread over the rows are correct, as far as that can be told at once; commits nothing.

    Arguments as for `verify_rows`.
    """
    spread = rows.gather_every(max(1, rows.height // _ROWS_PER_GLANCE))
    return verify_at_once(_with_prompts(spread, prompts))


def _with_prompts(rows: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    return rows.select(TRACE_COLUMNS).join(prompts.select(PROMPT_COLUMNS), on="prompt_id", how="inner")


def verify_canaries(tables: Tables, judge: Judge, *, run_id: str) -> pl.DataFrame:
    """Judge the canaries of every kind in the pool, and commit what came of them; returns their error rates."""
    kinds = tables.scan("prompt_pool").select("verifier").unique().collect()["verifier"]
    for kind in sorted(kinds):
        known = canaries([kind])
        if known.height:
            verdicts = pl.concat(judge(iter([known])))
            rows = judged_canaries(known, verdicts, run_id=run_id, now=datetime.now(UTC))
            tables.replace("verification_canaries", rows, verifier=kind)
    return error_rates(tables.scan("verification_canaries").filter(pl.col("verifier").is_in(kinds.to_list())))


def known_outcomes(tables: Tables, plan: SamplingPlan, prompts: pl.DataFrame) -> Outcomes:
    """Which samples of each prompt are committed and judged, and which of them are correct."""
    fingerprints = [temperature.fingerprint for temperature in plan.temperatures]
    verdicts = (
        tables.scan("verified_traces", model=plan.model)
        .select("trace_id", "is_correct")
        .unique("trace_id", keep="last")
    )
    rows = (
        tables.scan("sampled_traces", model=plan.model)
        .filter(pl.col("fingerprint").is_in(fingerprints) & (pl.col("sample_index") < plan.most_samples))
        .select("trace_id", "prompt_id", "temperature", "sample_index")
        .join(verdicts, on="trace_id", how="inner")
        .join(prompts.lazy().select("prompt_id"), on="prompt_id", how="semi")
        .select("temperature", "prompt_id", "sample_index", pl.col("is_correct").fill_null(value=False))
        .collect()
    )
    outcomes: dict[tuple[str, str], tuple[int, int]] = {}
    for temperature, prompt_id, index, is_correct in rows.iter_rows():
        answered, correct = outcomes.get((temperature, prompt_id), (0, 0))
        outcomes[temperature, prompt_id] = answered | 1 << index, correct | int(is_correct) << index
    return outcomes
