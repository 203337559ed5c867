"""Verifier kind `math`: is the final answer the same mathematics as the reference?

Stages, first that can tell: both are written the same way; both are read by our own grammar (`formulas`) and compared
by value, part by part; both are words; everything else by Math-Verify, in a worker process and only for text that
`symbolic_text` finds fit to parse. Both texts reach Math-Verify alone, without its extraction from prose, its unit
table or its expression reader, which hands text to an evaluating parser. `docs/answer-policy.md` says what counts as
the same.

What cannot be read is not wrong. An answer that is plainly no mathematics, such as program code or words where the
reference is a formula, is `incorrect`; one that is too large to parse, or that the parser does not understand, is
`abstained`. A reference that cannot be read is `bad_reference`, unless the answer repeats it.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import whole_answer
from openreason_dagster.domain.verification.final_answers import core_readings, final_answer
from openreason_dagster.domain.verification.formulas.comparison import same_answer
from openreason_dagster.domain.verification.formulas.reader import readings
from openreason_dagster.domain.verification.formulas.spelling import compact, respelled
from openreason_dagster.domain.verification.formulas.tree import Node, UnreadableError, walk
from openreason_dagster.domain.verification.symbolic_text import fitness
from openreason_dagster.domain.verification.text_answers import clock_form, text_form

LARGEST_DIRECT = 150
"""Nodes of a formula that is compared without a worker process."""
LONGEST_BARE = 300
_PLAIN_NUMBER = re.compile(r"-?(?:\d{1,40}\.)?\d{1,200}")
_PLAIN_ARITHMETIC = re.compile(r"[\s(]*\d[\d\s.,()]*(?:(?:[-+*/]|\\times|\\cdot|\\div)[\d\s.,()]+)+")
_FRACTION = re.compile(r"-?\(?[\d,.\s]+\)?\s*/\s*\(?[\d,.\s]+\)?")
_CALCULUS = re.compile(r"\\(?:sum|prod|i*int|oint|lim|det|partial|begin|binom|log|Gamma)(?![a-zA-Z])")
_LABELLED = re.compile(r"(?:\\text(?:bf)?\{)?\(?([A-Z])\)?[.):]\}?\s*\S.*", re.DOTALL)
_UNCOMPARABLE = re.compile(r"\\l?dots|\\cdots|\.\.\.|\\forall|\\exists|\\text\{\s*(?:for|where|if|such)\b")


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"\\boxed{{{reference}}}"


def prepare() -> None:
    """Load the symbolic libraries."""
    import math_verify  # noqa: F401


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge completely; may hang or fail on hostile text, so run it in a worker process."""
    del spec
    early = _judge_early(reference, answer)
    if isinstance(early, Judgement):
        return early
    return _judge_by_reading(reference, early) or _judge_symbolically(reference, early)


def judge_directly(reference: str, spec: Mapping[str, object], answer: str) -> Judgement | None:
    """Judge what our own grammar reads and is small; None where a worker is needed. `spec` holds nothing here."""
    del spec
    early = _judge_early(reference, answer)
    if isinstance(early, Judgement):
        return early
    if not all(_is_small(text) for text in (reference, early)):
        return None
    return _judge_by_reading(reference, early)


def _judge_early(reference: str, answer: str) -> Judgement | str:
    """The judgement where nothing has to be read, else the final answer."""
    if not reference.strip():
        return _judgement(Verdict.BAD_REFERENCE, None, "literal", "the reference is empty")
    whole = whole_answer(answer)
    extracted = final_answer(answer) or (whole if _is_short_text(reference, whole) else None)
    if extracted is None:
        return _judgement(Verdict.NO_ANSWER, None, "extraction", "no final answer was found")
    if _PLAIN_NUMBER.fullmatch(extracted) and _PLAIN_NUMBER.fullmatch(reference):
        is_same = Fraction(extracted) == Fraction(reference)
        message = "the numbers are equal" if is_same else f"{extracted[:60]} is not {reference[:60]}"
        return _judgement(Verdict.CORRECT if is_same else Verdict.INCORRECT, extracted, "literal", message)
    if _is_written_alike(reference, extracted) or _is_written_alike(reference, whole):
        return _judgement(Verdict.CORRECT, extracted, "literal", "both are written the same way")
    state, reason = fitness(extracted)
    if state == "program":
        return _judgement(Verdict.INCORRECT, extracted, "guard", reason)
    return extracted


def _is_short_text(reference: str, whole: str) -> bool:
    """Whether words are asked for and the whole answer is no longer than words would be."""
    return (
        bool(whole) and "\n" not in whole and len(whole) <= 2 * len(reference) + 20 and text_form(reference) is not None
    )


def _is_written_alike(reference: str, text: str) -> bool:
    return text == reference or (len(text) <= 2 * len(reference) + LONGEST_BARE and compact(text) == compact(reference))


@lru_cache(maxsize=8192)
def _is_small(text: str) -> bool:
    return all(sum(1 for _ in walk(node)) <= LARGEST_DIRECT for node in readings(text))


def _judge_by_reading(reference: str, extracted: str) -> Judgement | None:
    """Judge by our own grammar, else as words; None where neither can tell."""
    if _is_unworked(reference, extracted):
        return _judgement(Verdict.INCORRECT, extracted, "reading", "the arithmetic was not worked out")
    if clock_form(reference) and clock_form(extracted):
        return _judge_texts(reference, extracted)
    expected, found = readings(reference), readings(extracted) or core_readings(extracted)
    is_same = _same_by_reading(expected, found) if expected and found else None
    if is_same:
        return _judgement(Verdict.CORRECT, extracted, "reading", "the values are equal")
    by_text = _judge_texts(reference, extracted)
    if by_text is not None:
        return by_text
    if is_same is False:
        return _judgement(Verdict.INCORRECT, extracted, "reading", "the values differ")
    return None


def _same_by_reading(expected: tuple[Node, ...], found: tuple[Node, ...]) -> bool | None:
    """Whether some reading of the one is some reading of the other; None where that cannot be told."""
    is_doubtful = False
    for one in expected:
        for other in found:
            try:
                if same_answer(one, other):
                    return True
            except UnreadableError:
                is_doubtful = True
    return None if is_doubtful else False


def _is_unworked(reference: str, extracted: str) -> bool:
    """Whether a plain number is asked for and the answer is a calculation, as if the question were given back."""
    formula = respelled(extracted)
    return bool(
        _PLAIN_NUMBER.fullmatch(respelled(reference))
        and _PLAIN_ARITHMETIC.fullmatch(formula)
        and not _FRACTION.fullmatch(formula)
        and not re.fullmatch(r"\d+ \d+\s*/\s*\d+", formula)
    )


def _judge_texts(reference: str, extracted: str) -> Judgement | None:
    """Judge where the reference is a name, a letter or a time; None where it is a formula."""
    expected = text_form(reference)
    label = _LABELLED.fullmatch(extracted.strip())
    if label and label[1].casefold() == (expected or reference.strip(" $()")).casefold():
        return _judgement(Verdict.CORRECT, extracted, "text", "the letters are equal")
    if expected is None:
        return None
    found = text_form(extracted, is_answer_to_text=True)
    if found == expected or (found or "").removesuffix(" a").removesuffix(" p") == expected:
        return _judgement(Verdict.CORRECT, extracted, "text", "the texts are equal")
    return _judgement(Verdict.INCORRECT, extracted, "text", f"{(found or '')[:80]!r} is not {expected[:80]!r}")


def _judge_symbolically(reference: str, extracted: str) -> Judgement:
    expected_text, found_text = respelled(reference), respelled(extracted)
    if not _is_readable(expected_text):
        message = f"the reference {reference[:80]!r} cannot be read as mathematics"
        return _judgement(Verdict.BAD_REFERENCE, extracted, "symbolic", message)
    state, reason = fitness(found_text)
    if state != "fit":
        verdict = Verdict.INCORRECT if state in ("program", "not_mathematics") else Verdict.ABSTAINED
        return _judgement(verdict, extracted, "guard", reason)
    if _UNCOMPARABLE.search(expected_text) or _UNCOMPARABLE.search(found_text):
        return _judgement(Verdict.ABSTAINED, extracted, "guard", "a formula with dots or conditions is not compared")
    if not (_CALCULUS.search(expected_text) or _CALCULUS.search(found_text)):
        return _judgement(Verdict.ABSTAINED, extracted, "guard", "the answer cannot be read as mathematics")
    found = _parsed(found_text)
    if not found:
        return _judgement(Verdict.ABSTAINED, extracted, "symbolic", "the answer cannot be read as mathematics")
    return _compare(expected_text, found, extracted=extracted)


def _compare(expected_text: str, found: tuple[object, ...], *, extracted: str) -> Judgement:
    from math_verify import verify

    is_equal = verify(
        list(_parsed(expected_text)),
        list(found),
        timeout_seconds=None,
        allow_set_relation_comp=False,
        raise_on_error=True,
    )
    if is_equal:
        return _judgement(Verdict.CORRECT, extracted, "symbolic", "Math-Verify finds them equal")
    return _judgement(Verdict.INCORRECT, extracted, "symbolic", "Math-Verify does not find them equal")


def _is_readable(formula: str) -> bool:
    return bool(readings(formula)) or (fitness(formula)[0] == "fit" and bool(_parsed(formula)))


@lru_cache(maxsize=4096)
def _parsed(formula: str) -> tuple[object, ...]:
    """SymPy's form of a formula, () when Math-Verify cannot read it."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    normalization = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
    )
    config = LatexExtractionConfig(boxed_match_priority=-1, normalization_config=normalization)
    return tuple(parse(f"${formula}$", [config], fallback_mode="no_fallback", parsing_timeout=None))


def _judgement(verdict: Verdict, extracted: str | None, stage: str, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method=f"math/{stage}", message=message, milliseconds=0.0
    )
