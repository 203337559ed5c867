"""From sampled traces to verdicts: which traces have an answer to judge, and the judging of each distinct one once."""

import datetime
from collections.abc import Callable, Iterable, Iterator

import polars as pl

from openreason_dagster.domain.records import MACHINE_VERDICTS, Judgement, ThinkState, Verdict
from openreason_dagster.domain.schemas import VERIFIED_TRACES
from openreason_dagster.domain.verification.extraction import has_closed_answer
from openreason_dagster.domain.verification.registry import (
    KINDS_WITHOUT_REFERENCE,
    Comparison,
    audit_specification,
    judge_directly,
    verifier,
)
from openreason_dagster.domain.verification.workers import Workers

Row = dict[str, object]
JUDGED_SCHEMA = pl.Schema(
    dict.fromkeys(
        (
            "trace_id", "prompt_id", "model", "temperature", "answer", "think_state", "finish_reason",
            "reference_answer", "verifier", "verifier_spec",
        ),
        pl.String(),
    )
)  # fmt: skip
"""What `verify_batch` needs of each trace."""
Judge = Callable[[Iterable[pl.DataFrame]], Iterator[pl.DataFrame]]
"""Takes frames of traces as `verify_batch` takes them, and gives frames of verdicts, in any order."""

IS_MACHINE_FAILURE = pl.col("verdict").is_in(MACHINE_VERDICTS) & ~(
    (pl.col("verdict") == Verdict.TIMEOUT.value) & pl.col("method").str.starts_with("code/")
)
"""Of rows with verdict and method: whether a machine failed, so that another try may tell more.

A program that used up its time is slow by itself, and would be again.
"""

AUDIT_SCHEMA = pl.Schema({"prompt_id": pl.String(), "verdict": pl.String(), "message": pl.String()})


def verify_batch(rows: pl.DataFrame, workers: Workers, *, now: datetime.datetime) -> pl.DataFrame:
    """One verdict per row, in the order of the rows, with the schema of `VERIFIED_TRACES`.

    Args:
        rows: with the columns of `JUDGED_SCHEMA`.
        workers: the processes that judge.
        now: time to record as `verified_at`, with a time zone.

    Comparisons that are equal in kind, reference, specification and answer are judged once; the time of judging
    stands in the first row and is 0 in the others.

    Raises:
        VerificationError: a verifier kind is unknown, or workers cannot start.
    """
    records = list(rows.iter_rows(named=True))
    settled = [_settled_without_judging(record) for record in records]
    comparisons = [
        None if judgement else _comparison(record) for record, judgement in zip(records, settled, strict=True)
    ]
    judged = _judge_distinct((comparison for comparison in comparisons if comparison), workers)
    seen: set[Comparison] = set()
    verdicts: list[Row] = []
    for record, early, comparison in zip(records, settled, comparisons, strict=True):
        judgement = early if comparison is None else judged[comparison]
        assert judgement is not None
        milliseconds = 0.0 if comparison is None or comparison in seen else judgement.milliseconds
        seen.update([comparison] if comparison else [])
        verdicts.append(_verified(record, judgement, milliseconds=milliseconds, now=now))
    return VERIFIED_TRACES.frame(verdicts)


def verify_at_once(rows: pl.DataFrame) -> dict[str, bool]:
    """Whether each trace_id is correct, as far as that can be told in this process and in bounded time.

    Args:
        rows: as for `verify_batch`.

    Raises:
        VerificationError: a verifier kind is unknown.
    """
    found = {}
    for record in rows.iter_rows(named=True):
        judgement = _settled_without_judging(record) or judge_directly(_comparison(record))
        if judgement is not None and judgement.verdict is not Verdict.ERROR:
            found[str(record["trace_id"])] = judgement.verdict.is_correct is True
    return found


def audit_references(rows: pl.DataFrame, workers: Workers) -> pl.DataFrame:
    """Judge each prompt's own reference, written as a model would answer; whatever is not `correct` is a bad prompt.

    Where there is none and the kind needs none, the specification is judged.

    Args:
        rows: prompt_id, reference_answer, verifier and verifier_spec; prompt_id is unique.
        workers: the processes that judge.

    Returns:
        prompt_id, verdict and message, in the order of the rows.

    Raises:
        VerificationError: a verifier kind is unknown, or workers cannot start.
    """
    records = list(rows.iter_rows(named=True))
    presented = [_presented(record) for record in records]
    judged = _judge_distinct((comparison for comparison in presented if comparison), workers)
    verdicts = [
        _without_reference(record) if comparison is None else judged[comparison]
        for record, comparison in zip(records, presented, strict=True)
    ]
    return pl.DataFrame(
        [
            {"prompt_id": record["prompt_id"], "verdict": judgement.verdict.value, "message": judgement.message}
            for record, judgement in zip(records, verdicts, strict=True)
        ],
        schema=AUDIT_SCHEMA,
    )


def _judge_distinct(comparisons: Iterable[Comparison], workers: Workers) -> dict[Comparison, Judgement]:
    return dict(workers.judge(dict.fromkeys(comparisons)))


def _settled_without_judging(record: Row) -> Judgement | None:
    """The judgement of a trace that has no answer to compare, or nothing to compare it with."""
    answer, was_cut = str(record["answer"]), record["finish_reason"] == "length"
    is_judged_whole = record["verifier"] in KINDS_WITHOUT_REFERENCE
    if was_cut and (is_judged_whole or not has_closed_answer(answer)):
        return _unjudged(Verdict.TRUNCATED, "cut at the token limit before an answer was closed")
    if record["think_state"] == ThinkState.UNCLOSED:
        return _unjudged(Verdict.NO_ANSWER, "the think block never closed, so there is no answer")
    if record["reference_answer"] is None and record["verifier"] not in KINDS_WITHOUT_REFERENCE:
        return _no_reference()
    return None


def _comparison(record: Row, answer: str | None = None) -> Comparison:
    return Comparison(
        kind=str(record["verifier"]),
        reference=str(record["reference_answer"] or ""),
        spec_json=str(record["verifier_spec"]),
        answer=str(record["answer"]) if answer is None else answer,
    )


def _presented(record: Row) -> Comparison | None:
    if record["reference_answer"] is None:
        return None
    present = verifier(str(record["verifier"])).present
    return _comparison(record, answer=present(str(record["reference_answer"])))


def _without_reference(record: Row) -> Judgement:
    return audit_specification(str(record["verifier"]), str(record["verifier_spec"])) or _no_reference()


def _no_reference() -> Judgement:
    return _unjudged(Verdict.BAD_REFERENCE, "the prompt has no reference answer")


def _unjudged(verdict: Verdict, message: str) -> Judgement:
    return Judgement(verdict=verdict, extracted_answer=None, method="none", message=message, milliseconds=0.0)


def _verified(record: Row, judgement: Judgement, *, milliseconds: float, now: datetime.datetime) -> Row:
    return {
        **{key: record[key] for key in ("trace_id", "prompt_id", "model", "temperature")},
        "verdict": judgement.verdict.value,
        "is_correct": judgement.verdict.is_correct,
        "extracted_answer": judgement.extracted_answer,
        "reference_answer": record["reference_answer"],
        "method": judgement.method,
        "message": judgement.message,
        "milliseconds": milliseconds,
        "verifier_version": verifier(str(record["verifier"])).version,
        "verified_at": now,
    }
