"""Verifier kind `exact`: the answer is the reference, or one of its aliases, as a normalised text.

The specification may hold `{"aliases": ["…"]}`. Without an explicit final answer the whole answer is compared.
"""

from collections.abc import Mapping

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import explicit_answer
from openreason_dagster.domain.verification.normalisation import folded_text


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"<answer>{reference}</answer>"


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge by equality of texts; always decides."""
    aliases = spec.get("aliases", [])
    if not isinstance(aliases, list):
        message = f"`aliases` of the specification is {type(aliases).__name__}, expected a list"
        return _judgement(Verdict.BAD_REFERENCE, None, message)
    accepted = {folded_text(str(text)) for text in (reference, *aliases)} - {""}
    if not accepted:
        return _judgement(Verdict.BAD_REFERENCE, None, "the reference is empty")
    extracted = explicit_answer(answer) or answer.strip()
    if not extracted:
        return _judgement(Verdict.NO_ANSWER, None, "no final answer was found")
    if folded_text(extracted) in accepted:
        return _judgement(Verdict.CORRECT, extracted, "the texts are equal")
    return _judgement(Verdict.INCORRECT, extracted, "the texts differ")


def _judgement(verdict: Verdict, extracted: str | None, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method="exact/text", message=message, milliseconds=0.0
    )
