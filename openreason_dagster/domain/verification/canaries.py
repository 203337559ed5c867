"""Canaries: answers whose verdict is known, judged on the path of the traces, so that a verifier's errors are measured.

Each kind has a file of them in this package: JSON lines with `reference`, `answer`, `is_right`, `trap` (what the answer
tries) and, where the kind needs one, `spec` or `prompt`. A set is named by the hash of its file.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from importlib.resources import files

import polars as pl

from openreason_dagster.domain.records import ThinkState, Verdict
from openreason_dagster.domain.schemas import VERIFICATION_CANARIES
from openreason_dagster.domain.verification.verify import IS_MACHINE_FAILURE, JUDGED_SCHEMA

_SET_DIGITS = 12


def canaries(kinds: Iterable[str]) -> pl.DataFrame:
    """The canaries of these verifier kinds; kinds without a set have none.

    Columns: canary_id, canary_set, is_right, trap, and those that `verify_batch` takes, canary_id being the trace_id.
    """
    return pl.DataFrame([row for kind in sorted(set(kinds)) for row in _rows(kind)], schema=_SCHEMA)


def judged_canaries(known: pl.DataFrame, verdicts: pl.DataFrame, *, run_id: str, now: datetime) -> pl.DataFrame:
    """Rows of `verification_canaries`.

    Args:
        known: Rows of `canaries`.
        verdicts: Rows of `verified_traces` for them.
        run_id: The Dagster run.
        now: With a time zone.
    """
    found = known.select("trace_id", "canary_set", "is_right", "trap", "verifier", "answer").join(
        verdicts.drop("prompt_id", "model", "temperature", "milliseconds", "verified_at"), on="trace_id", how="inner"
    )
    rows = found.rename({"trace_id": "canary_id"}).with_columns(
        outcome=_outcome(), run_id=pl.lit(run_id), verified_at=pl.lit(now)
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in VERIFICATION_CANARIES.schema.items())


def error_rates(judged: pl.LazyFrame) -> pl.DataFrame:
    """One row per verifier and version, sorted.

    Columns: verifier, verifier_version, canary_set; right and wrong (canaries of each sort that were judged), unjudged
    (a machine failed on them, which is no verdict); false_rejects, false_accepts; and the rates, `false_reject_rate` =
    false_rejects / right and `false_accept_rate` = false_accepts / wrong, null where there is nothing to divide by.
    """
    is_judged = pl.col("outcome") != "unjudged"
    counts = judged.group_by("verifier", "verifier_version", "canary_set").agg(
        right=(is_judged & pl.col("is_right")).sum(),
        wrong=(is_judged & ~pl.col("is_right")).sum(),
        unjudged=(~is_judged).sum(),
        false_rejects=(pl.col("outcome") == "false_reject").sum(),
        false_accepts=(pl.col("outcome") == "false_accept").sum(),
    )
    return (
        counts.with_columns(
            false_reject_rate=_share("false_rejects", of="right"), false_accept_rate=_share("false_accepts", of="wrong")
        )
        .sort("verifier", "verifier_version", "canary_set")
        .collect()
    )


_SCHEMA = pl.Schema(
    {
        "canary_set": pl.String(),
        "is_right": pl.Boolean(),
        "trap": pl.String(),
        **JUDGED_SCHEMA,
        "prompt": pl.String(),
    }
)


def _rows(kind: str) -> list[dict[str, object]]:
    file = files("openreason_dagster.domain.verification").joinpath("canaries", f"{kind}.jsonl")
    if not file.is_file():
        return []
    content = file.read_bytes()
    name = hashlib.sha256(content).hexdigest()[:_SET_DIGITS]
    return [
        {
            "canary_set": name,
            "is_right": row["is_right"],
            "trap": row["trap"],
            "trace_id": f"{kind}-{number:03}",
            "prompt_id": "",
            "model": "",
            "temperature": "",
            "answer": row["answer"],
            "think_state": ThinkState.ABSENT.value,
            "finish_reason": "stop",
            "reference_answer": row["reference"],
            "verifier": kind,
            "verifier_spec": json.dumps(row.get("spec", {})),
            "prompt": row.get("prompt", ""),
        }
        for number, row in enumerate(map(json.loads, content.decode().splitlines()), start=1)
    ]


def _outcome() -> pl.Expr:
    is_accepted = pl.col("verdict") == Verdict.CORRECT.value
    return (
        pl.when(IS_MACHINE_FAILURE)
        .then(pl.lit("unjudged"))
        .when(is_accepted & ~pl.col("is_right"))
        .then(pl.lit("false_accept"))
        .when(~is_accepted & pl.col("is_right"))
        .then(pl.lit("false_reject"))
        .otherwise(pl.lit("as_expected"))
    )


def _share(part: str, *, of: str) -> pl.Expr:
    return pl.when(pl.col(of) > 0).then(pl.col(part) / pl.col(of))
