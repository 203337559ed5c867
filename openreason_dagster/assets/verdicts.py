"""Verified traces: one verdict per trace."""

from typing import Any

import dagster as dg

from openreason_dagster.assets.metadata import definition_metadata, picture, preview, report_partition
from openreason_dagster.assets.traces import SAMPLING_POOL
from openreason_dagster.automation import FOLLOW_CHECKED_TRACES
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.release.plots import verdict_bars
from openreason_dagster.domain.release.report_data import verdict_counts
from openreason_dagster.domain.schemas import VERIFIED_TRACES
from openreason_dagster.partitions import temperatures_by_model, trace_key
from openreason_dagster.resources.judging import verify_canaries, verify_partition
from openreason_dagster.resources.model_judge import court_of
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_STOPPED = (
    "the judge met the limit %s: answers it was not asked about have the verdict error; raise it and run again to go on"
)


def verified_traces(partitions: dg.PartitionsDefinition[str], verification: Verification) -> dg.AssetsDefinition:
    """Asset: a verdict with evidence for every trace; what this verifier version has judged is not judged again.

    A judge model holds a place in the pool of runs that sample.
    """

    @dg.asset(
        name="verified_traces",
        deps=["sampled_traces", "prompt_pool"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=SAMPLING_POOL if verification.judge is not None else None,
        group_name="traces_and_OR5",
        kinds={"deltalake"},
        metadata=definition_metadata(VERIFIED_TRACES),
        description=VERIFIED_TRACES.description,
        automation_condition=FOLLOW_CHECKED_TRACES,
    )
    def asset(
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        progress: dg.ResourceParam[ProgressListener],
    ) -> dg.MaterializeResult[None]:
        run_id = context.run.run_id
        with court_of(tables, workspace, run_id=run_id, progress=progress) as court:
            rates = verify_canaries(tables, court.judge(), run_id=run_id)
            judge = court.judge(lambda evidence: tables.append("judge_verdicts", evidence))
            by_model = temperatures_by_model(context.partition_keys)
            for model, temperature in [(model, each) for model, keys in by_model.items() for each in keys]:
                judged = verify_partition(tables, judge, model=model, temperature=temperature, versions=court.versions)
                context.log.info("%s at %s: %d traces judged", model, temperature, judged)
                metadata = _metadata(tables, model=model, temperature=temperature)
                report_partition(context, trace_key(model, temperature), metadata | {"verifier_errors": preview(rates)})
            if court.stopped_by:
                context.log.warning(_STOPPED, court.stopped_by)
        return dg.MaterializeResult()

    return asset


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
