"""Verified traces: one verdict per trace."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, picture, preview, report_partition
from openreason_dagster.automation import FOLLOW_CHECKED_TRACES
from openreason_dagster.domain.records import MACHINE_VERDICTS
from openreason_dagster.domain.release.plots import verdict_bars
from openreason_dagster.domain.release.report_data import verdict_counts
from openreason_dagster.domain.schemas import VERIFIED_TRACES
from openreason_dagster.domain.verification.registry import VERIFIER_VERSIONS
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.partitions import temperatures_by_model, trace_key
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.verification_workers import verification_workers
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_COMMIT = 2_000
_PROMPT_COLUMNS = ("prompt_id", "reference_answer", "verifier", "verifier_spec")
_TRACE_COLUMNS = ("trace_id", "prompt_id", "model", "temperature", "answer", "think_state", "finish_reason")


def verified_traces(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Asset: a verdict with evidence for every trace; what this verifier version has judged is not judged again."""

    @dg.asset(
        name="verified_traces",
        deps=["sampled_traces", "prompt_pool"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="traces",
        kinds={"deltalake"},
        metadata=definition_metadata(VERIFIED_TRACES),
        description=VERIFIED_TRACES.description,
        automation_condition=FOLLOW_CHECKED_TRACES,
    )
    def asset(context: dg.AssetExecutionContext, tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
        with verification_workers(workspace.recipe().verification) as workers:
            for model, temperatures in temperatures_by_model(context.partition_keys).items():
                for temperature in temperatures:
                    judged = verify_partition(tables, workers, model=model, temperature=temperature)
                    context.log.info("%s at %s: %d traces judged", model, temperature, judged)
                    report_partition(
                        context, trace_key(model, temperature), _metadata(tables, model=model, temperature=temperature)
                    )
        return dg.MaterializeResult()

    return asset


def verify_partition(tables: Tables, workers: Workers, *, model: str, temperature: str) -> int:
    """Judge what of a partition has no valid verdict yet, committing as it goes; returns how many were judged."""
    keys = {"model": model, "temperature": temperature}
    prompts = tables.scan("prompt_pool").select(_PROMPT_COLUMNS)
    traces = tables.scan("sampled_traces", **keys).select(_TRACE_COLUMNS).join(prompts, on="prompt_id", how="inner")
    _drop_outdated(tables, traces, keys)
    pending = traces.join(tables.scan("verified_traces", **keys), on="trace_id", how="anti")
    judged = 0
    for rows in pending.collect_batches(chunk_size=_ROWS_PER_COMMIT, engine="streaming"):
        tables.append("verified_traces", verify_batch(rows, workers, now=datetime.now(UTC)))
        judged += rows.height
    return judged


def _drop_outdated(tables: Tables, traces: pl.LazyFrame, keys: dict[str, str]) -> None:
    """Drop verdicts that must be found again: by another verifier or reference, or of a machine that failed.

    Verdicts on traces of prompts outside the pool stay, because another recipe may need them. Two runs at once can
    have judged a trace twice; one verdict of each is enough.
    """
    verdicts = tables.scan("verified_traces", **keys).collect()
    version = pl.col("verifier").replace_strict(VERIFIER_VERSIONS)
    wanted = traces.select("trace_id", wanted_reference="reference_answer", wanted_version=version).collect()
    judged = verdicts.unique("trace_id", keep="last", maintain_order=True).join(wanted, on="trace_id", how="left")
    is_in_pool = pl.col("wanted_version").is_not_null()
    is_same = (pl.col("verifier_version") == pl.col("wanted_version")) & pl.col("reference_answer").eq_missing(
        pl.col("wanted_reference")
    )
    kept = judged.filter(~is_in_pool | (is_same & ~pl.col("verdict").is_in(MACHINE_VERDICTS)))
    if kept.height < verdicts.height:
        tables.replace("verified_traces", kept.select(verdicts.columns), **keys)


def _metadata(tables: Tables, *, model: str, temperature: str) -> dict[str, Any]:
    rows = tables.scan("verified_traces", model=model, temperature=temperature)
    verdicts = verdict_counts(rows)
    by_verdict = dict(verdicts.select("verdict", "traces").iter_rows())
    judged = by_verdict.get("correct", 0) + by_verdict.get("incorrect", 0)
    return {
        "dagster/partition_row_count": int(verdicts["traces"].sum()),
        "correct_share_of_judged": round(by_verdict.get("correct", 0) / judged, 4) if judged else 0.0,
        **{f"verdict_{verdict}": traces for verdict, traces in by_verdict.items()},
        "verdicts": preview(verdicts.select("verdict", "traces")),
        "plot": picture(verdict_bars, verdicts, "Verdict breakdown"),
    }
