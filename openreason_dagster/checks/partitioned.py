"""How a check of a partitioned asset reports: one evaluation per partition, also in a run that covers many.

Dagster stores the result of a check in a range run without a partition, and automation then never sees a pass. So each
partition's evaluation is logged by itself, tied to the materialisation it judged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)


@dataclass(frozen=True)
class Finding:
    """Whether one partition passed, with the figures that show it."""

    passed: bool
    figures: Mapping[str, Any] = field(default_factory=dict)


def check_partitions(
    context: dg.AssetCheckExecutionContext,
    asset: str,
    check: str,
    *,
    judge: Callable[[dict[str, str]], Finding],
) -> dg.AssetCheckResult:
    """Judge every partition of the run, log each evaluation, and pass only if all did.

    `judge` is given a partition as `{"model": …, "temperature": …}`.
    """
    findings = {}
    for key in sorted(context.partition_keys, key=str):
        assert isinstance(key, dg.MultiPartitionKey)
        findings[str(key)] = judge(dict(key.keys_by_dimension))
        _log_evaluation(context, asset, check, key=str(key), finding=findings[str(key)])
    failed = [key for key, finding in findings.items() if not finding.passed]
    return dg.AssetCheckResult(
        passed=not failed, metadata={"partitions": len(findings), "failed_partitions": dg.MetadataValue.json(failed)}
    )


def _log_evaluation(
    context: dg.AssetCheckExecutionContext, asset: str, check: str, *, key: str, finding: Finding
) -> None:
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[key]), limit=1
    ).records
    target = None
    if records:
        target = AssetCheckEvaluationTargetMaterializationData(
            storage_id=records[0].storage_id, run_id=records[0].run_id, timestamp=records[0].timestamp
        )
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(asset),
        check_name=check,
        passed=finding.passed,
        partition=key,
        blocking=True,
        metadata=dict(finding.figures),
        target_materialization_data=target,
    )
    context.op_execution_context.log_event(evaluation)  # type: ignore[arg-type]  # accepted, but not declared
