"""Verifier kind `math`: is the final answer the same mathematics as the reference?

Stages, first that can tell: plain numbers, compared exactly (`quantities`); names, letters, ratios and clock times, as
texts; everything else by Math-Verify, in a worker process and only for text that `symbolic_text` finds fit to parse.
Both texts reach Math-Verify alone, without its extraction from prose, its unit table or its expression reader, which
hands text to an evaluating parser.

What cannot be read is not wrong. An answer that is plainly no mathematics, such as program code or words where the
reference is a formula, is `incorrect`; one that is too large to parse, or that the parser does not understand, is
`abstained`. A reference that cannot be read is `bad_reference`, whatever the answer is.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import mathematical_answer
from openreason_dagster.domain.verification.normalisation import compact_text, folded_text, without_wrappers
from openreason_dagster.domain.verification.quantities import Quantity, parse_quantity, same_quantity
from openreason_dagster.domain.verification.symbolic_text import fitness

_RATIO = re.compile(
    r"(\d{1,9})\s*:\s*(\d{1,9})(?:\s*:\s*(\d{1,9}))?(?:[\s~]|\\[ ,;])*((?:[ap]\.?m?\.?)?)", re.IGNORECASE
)
_LETTER_CHOICE = re.compile(r"\(?([A-Za-z])\)?")
_TEXT_WRAPPER = re.compile(r"\\(?:text|textbf|mbox|mathrm)\s*\{[^{}]*[A-Za-z][^{}]*\}\.?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z' ,-]*[A-Za-z]")
_LAST_SIDE = re.compile(r"(?<![<>!\\:])=(?!=)([^=<>]+)$")
_PLAIN_ARITHMETIC = re.compile(r"[\d\s.,()]+(?:(?:[-+*/×·÷]|\\times|\\cdot|\\div)[\d\s.,()]+)+")
_SEPARATOR = re.compile(r"(?<=\d)(?:,\\!|\{,\}|\\,)\s*(?=\d{3}(?!\d))")
_UNIT_SUFFIX = re.compile(r"\s*\\(?:text|mbox|mathrm|textrm)\s*\{[^{}]*\}(?:\s*\^\s*(?:\{\s*\d\s*\}|\d))?\s*$")
_DEGREES = re.compile(r"\s*\^\s*(?:\{\s*\\circ\s*\}|\\circ)")


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"\\boxed{{{reference}}}"


def prepare() -> None:
    """Load the symbolic libraries."""
    import math_verify  # noqa: F401


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge completely; may hang or fail on hostile text, so run it in a worker process."""
    direct = judge_directly(reference, spec, answer)
    if direct is not None:
        return direct
    extracted = mathematical_answer(answer)
    assert extracted is not None
    return _judge_symbolically(reference, extracted)


def judge_directly(reference: str, spec: Mapping[str, object], answer: str) -> Judgement | None:
    """Judge numbers and texts; None where only algebra can tell. `spec` holds nothing for this kind."""
    del spec
    if not reference.strip():
        return _judgement(Verdict.BAD_REFERENCE, None, "literal", "the reference is empty")
    extracted = mathematical_answer(answer)
    if extracted is None:
        return _judgement(Verdict.NO_ANSWER, None, "extraction", "no final answer was found")
    return _judge_numbers(reference, extracted) or _judge_texts(reference, extracted)


def _judge_numbers(reference: str, extracted: str) -> Judgement | None:
    """Judge where the reference is a plain number and the answer one too, or a sum that was not worked out."""
    expected = parse_quantity(reference)
    if expected is None:
        return None
    found = parse_quantity(extracted) or _last_side(extracted)
    if found is not None and same_quantity(expected, found):
        return _judgement(Verdict.CORRECT, extracted, "literal", "the numbers are equal")
    if found is not None:
        return _judgement(
            Verdict.INCORRECT, extracted, "literal", f"{_shown(found.value)} is not {_shown(expected.value)}"
        )
    if _PLAIN_ARITHMETIC.fullmatch(extracted.strip(" $")):
        return _judgement(Verdict.INCORRECT, extracted, "literal", "the arithmetic was not worked out")
    return None


def _last_side(text: str) -> Quantity | None:
    """The number after the last equals sign, as in `9 - 5 = 4`."""
    side = _LAST_SIDE.search(text.strip(" $."))
    return parse_quantity(side.group(1)) if side and "," not in text[: side.start()] else None


def _judge_texts(reference: str, extracted: str) -> Judgement | None:
    """Judge where the reference is a name, a letter, a ratio or a time; None where it is a formula."""
    expected = _text_form(reference)
    if expected is None:
        return None
    found = _text_form(extracted) or folded_text(extracted)
    if found == expected or _same_ratio(expected, found, extracted=extracted):
        return _judgement(Verdict.CORRECT, extracted, "text", "the texts are equal")
    return _judgement(Verdict.INCORRECT, extracted, "text", f"{found[:80]!r} is not {expected[:80]!r}")


def _same_ratio(expected: str, found: str, *, extracted: str) -> bool:
    """Whether a ratio is answered as a fraction, or a time without its half of the day."""
    if not _RATIO.fullmatch(expected):
        return False
    bare, _, half = expected.partition(" ")
    if (found if half else found.partition(" ")[0]) == bare:
        return True
    fraction = parse_quantity(extracted)
    return fraction is not None and parse_quantity(bare.replace(":", "/")) == fraction


def _text_form(text: str) -> str | None:
    """The one spelling of a text answer; None for what should be read as a formula."""
    text = text.strip().strip("$").strip()
    bare = without_wrappers(text).strip()
    ratio = _RATIO.fullmatch(bare)
    if ratio:
        parts = ":".join(str(int(part)) for part in ratio.groups()[:3] if part)
        return f"{parts} {ratio.group(4)[:1].lower()}".strip()
    letter = _LETTER_CHOICE.fullmatch(bare)
    if letter and bare != text:
        return letter.group(1).casefold()
    if _TEXT_WRAPPER.fullmatch(text) or (_WORDS.fullmatch(bare) and len(bare) > 3):
        return folded_text(bare).strip("()")
    return None


def _judge_symbolically(reference: str, extracted: str) -> Judgement:
    expected_text, found_text = _formula(reference), _formula(extracted)
    if not _is_readable(expected_text):
        message = f"the reference {reference[:80]!r} cannot be read as mathematics"
        return _judgement(Verdict.BAD_REFERENCE, extracted, "symbolic", message)
    if compact_text(expected_text) == compact_text(found_text):
        return _judgement(Verdict.CORRECT, extracted, "text", "the formulas are written the same way")
    state, reason = fitness(found_text)
    if state != "fit":
        verdict = Verdict.INCORRECT if state == "not_mathematics" else Verdict.ABSTAINED
        return _judgement(verdict, extracted, "guard", reason)
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
    return fitness(formula)[0] == "fit" and bool(_parsed(formula))


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


def _formula(text: str) -> str:
    """One line of LaTeX without dollar signs, trailing unit, degree signs or closing punctuation."""
    text = " ".join(text.replace("$", " ").replace("\\[", " ").replace("\\]", " ").split()).strip(" .,;")
    text = _SEPARATOR.sub("", text)
    without_unit = _UNIT_SUFFIX.sub("", _DEGREES.sub("", text))
    return without_unit or text


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _judgement(verdict: Verdict, extracted: str | None, stage: str, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method=f"math/{stage}", message=message, milliseconds=0.0
    )
