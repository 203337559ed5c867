"""Verifier kind `judge`: a model compares the answer with the reference. What needs no model is decided here."""

from collections.abc import Mapping

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import whole_answer

VERSION = "judge-1"
WAITS_FOR_MODEL = "judge/none"
"""Method of the judgement that says that a model has to decide."""


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return reference


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Decide where answer and reference are one text, or one of them is empty; `error` says that a model has to.

    One text means the same words and signs: a part of an answer may be taken back by the rest of it, and signs and
    letter case carry meaning (5!, MW).
    """
    del spec
    whole = whole_answer(answer)
    if not reference.strip():
        return _judgement(Verdict.BAD_REFERENCE, None, "judge/text", "the reference is empty")
    if not whole:
        return _judgement(Verdict.NO_ANSWER, None, "judge/text", "the answer is empty")
    if reference.split() in (answer.split(), whole.split()):
        return _judgement(Verdict.CORRECT, whole, "judge/text", "the texts are equal")
    message = (
        "a model has to compare the answer with the reference: name one with the recipe key `verification.judge`; "
        "`openreason verify FILE` asks none"
    )
    return _judgement(Verdict.ERROR, whole, WAITS_FOR_MODEL, message)


def _judgement(verdict: Verdict, extracted: str | None, method: str, message: str) -> Judgement:
    return Judgement(verdict=verdict, extracted_answer=extracted, method=method, message=message, milliseconds=0.0)
