"""Verifier kind `exact`: the answer is the reference, or one of its aliases, as a normalised text.

The specification may hold `{"aliases": ["…"]}`. Texts are compared without regard to letter case, Unicode form,
spaces, edge punctuation and a leading article. Without an explicit final answer the whole answer is compared, then
its last line.
"""

import re
from collections.abc import Mapping

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import explicit_answer, stated_line, whole_answer
from openreason_dagster.domain.verification.normalisation import folded_text

_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\w{2})")


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"<answer>{reference}</answer>"


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge by equality of texts; always decides."""
    aliases = spec.get("aliases", [])
    if not isinstance(aliases, list):
        message = f"`aliases` of the specification is {type(aliases).__name__}, expected a list"
        return _judgement(Verdict.BAD_REFERENCE, None, message)
    accepted = {_spelling(str(text)) for text in (reference, *aliases)} - {""}
    if not accepted:
        return _judgement(Verdict.BAD_REFERENCE, None, "the reference is empty")
    explicit, whole = explicit_answer(answer), whole_answer(answer)
    candidates = [explicit, stated_line(answer) or ""] if explicit else [whole, whole.rpartition("\n")[2]]
    if not candidates[0]:
        return _judgement(Verdict.NO_ANSWER, None, "no final answer was found")
    for extracted in candidates:
        if _spelling(extracted) in accepted:
            return _judgement(Verdict.CORRECT, extracted, "the texts are equal")
    return _judgement(Verdict.INCORRECT, candidates[0], "the texts differ")


def _spelling(text: str) -> str:
    return _ARTICLE.sub("", folded_text(text))


def _judgement(verdict: Verdict, extracted: str | None, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method="exact/text", message=message, milliseconds=0.0
    )
