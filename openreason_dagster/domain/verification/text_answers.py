"""Answers that are words, letters, dates or clock times, in one spelling."""

import re

from openreason_dagster.domain.verification.normalisation import folded_text, without_wrappers

_CLOCK = re.compile(
    r"(\d{1,2})\s*:\s*(\d{2})(?:\s*:\s*(\d{2}))?(?:[\s~]|\\[ ,;!])*(?:([ap])\.?\s*m?\.?)?", re.IGNORECASE
)
_LETTER = re.compile(r"\(?([A-Za-z])\)?[.,]?")
_WRAPPED = re.compile(r"\\(?:text|textbf|mbox|mathrm|textrm|textit)\s*\{[^{}]*[A-Za-z][^{}]*\}\.?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z' ,-]*[A-Za-z]")
_DATE = re.compile(r"[A-Za-z]{3,}\.? \d{1,4}(?:(?:st|nd|rd|th)?,? \d{4})?")
_CAPITALS = re.compile(r"[A-Z]{2,}")
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\w{2})")
_SAME_WORDS = {"true": "yes", "false": "no"}


def text_form(text: str, *, is_answer_to_text: bool = False) -> str | None:
    """The one spelling of a text answer; None for what should be read as a formula.

    ``is_answer_to_text``: the text is compared with words, so that it is taken as words whatever it looks like.
    """
    text = text.replace("\\!", "").strip().strip("$").strip()
    bare = without_wrappers(text).replace("$", "").strip()
    clock = clock_form(text)
    if clock:
        return clock
    letter = _LETTER.fullmatch(bare)
    if letter and (bare != text or is_answer_to_text):
        return letter.group(1).casefold()
    is_words = _WRAPPED.fullmatch(text) or (_WORDS.fullmatch(bare) and len(bare) > 3) or _DATE.fullmatch(bare)
    if is_words or is_answer_to_text or _CAPITALS.fullmatch(bare):
        folded = _ARTICLE.sub("", folded_text(bare).strip("()"))
        return _SAME_WORDS.get(folded, folded)
    return None


def clock_form(text: str) -> str | None:
    """The one spelling of a clock time, None for what is none."""
    bare = without_wrappers(text.replace("\\!", "")).replace("$", "").strip().rstrip(".")
    clock = _CLOCK.fullmatch(bare)
    if clock is None:
        return None
    hour, minute, second, half = clock.groups()
    return f"{int(hour)}:{minute}{':' + second if second else ''} {(half or '').lower()}".strip()
