"""How many words and sentences a text has, as a narrow and a wide reading.

Words: a string between blanks is one word to the narrow reading (`well-known`, `don't`, `1,000`); to the wide one every
run of letters, digits and combining marks is, and every character of a script that is written without spaces. What has
neither a letter nor a digit is no word.

Sentences end at `. ! ? …` and their kin of other scripts, with closing quotes and brackets, before a blank. The narrow
reading lets a sentence run over line breaks, so that a heading belongs to what follows it, and sees no end after
initials and abbreviations, nor at an ellipsis or a closing quote or bracket before a small letter; the wide one counts
each line on its own and takes all of these as ends. To neither does a sentence end after a title (`Dr.`), after `e.g.`
and `i.e.`, or after the number of a list item.
"""

import re

from openreason_dagster.domain.verification.constraints.constraint import Count

MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u0900-\u0963\u0970-\u0dff"
    "\u0f71-\u0f84\u200c\u200d"
)
"""Marks inside words of Latin, Cyrillic, Hebrew, Arabic and Indic scripts, which Python does not count as letters."""
UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\U00020000-\U000323af"
)
"""Han, kana, Thai, Lao, Burmese and Khmer."""
_LETTER = re.compile(r"[^\W_]")
_WIDE_WORD = re.compile(rf"[{UNSPACED}]|(?:[^\W_{UNSPACED}]|[{MARKS}])+")
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s|\Z)"
    r"|[。！？｡]++[\"'”’»)\]」』）*_]*+"
    r"|[।॥؟۔]++[\"'”’»)\]*_]*+"
)
_TITLES = frozenset({
    "mr", "mrs", "ms", "mx", "dr", "prof", "rev", "hon", "gen", "col", "sgt", "capt", "lt", "gov", "sen", "rep",
    "pres", "st", "mt", "fr", "jr", "sr", "e.g", "i.e",
})  # fmt: skip
_ABBREVIATIONS = frozenset({
    "etc", "vs", "al", "inc", "ltd", "co", "corp", "no", "nos", "vol", "fig", "figs", "dept", "approx", "est",
    "min", "max", "p", "pp", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
    "dec", "a.m", "p.m", "u.s", "u.k", "u.n", "d.c", "ph.d", "b.a", "m.a", "b.c", "a.d", "p.s", "p.p.s",
})  # fmt: skip
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
_LONGEST_ABBREVIATION = 12


def words(text: str) -> Count:
    """The number of words."""
    narrow = sum(_LETTER.search(token) is not None for token in text.split())
    return Count(narrow, sum(_LETTER.search(run) is not None for run in _WIDE_WORD.findall(text)))


def sentences(text: str) -> Count:
    """The number of sentences; a text with words and no end mark is one."""
    wide = sum(_sentences_in(line, is_wide_reading=True) for line in text.splitlines())
    return Count(_sentences_in(text, is_wide_reading=False), wide)


def _sentences_in(text: str, *, is_wide_reading: bool) -> int:
    found = start = 0
    for mark in _END.finditer(text):
        if _is_end(text, mark, is_wide_reading=is_wide_reading):
            found += _LETTER.search(text, start, mark.end()) is not None
            start = mark.end()
    return found + (_LETTER.search(text, start) is not None)


def _is_end(text: str, mark: re.Match[str], *, is_wide_reading: bool) -> bool:
    if mark.group()[0] not in ".!?…":
        return True
    if mark.group()[0] == ".":
        before = text[max(0, mark.start() - _LONGEST_ABBREVIATION) : mark.start()]
        last = before.split()[-1].strip("(\"'“‘*_").casefold() if before.split() else ""
        if last in _TITLES or _numbers_an_item(text, mark.start()):
            return False
        if not is_wide_reading and (last in _ABBREVIATIONS or _INITIALS.fullmatch(last)):
            return False
    may_go_on = mark.group() not in (".", "!", "?")
    return is_wide_reading or not (may_go_on and text[mark.end() : mark.end() + 3].lstrip()[:1].islower())


def _numbers_an_item(text: str, position: int) -> bool:
    """Whether the point at the position follows a number or single letter that begins its line."""
    line_start = text.rfind("\n", max(0, position - _LONGEST_ABBREVIATION), position) + 1
    is_near = line_start > 0 or position <= _LONGEST_ABBREVIATION
    label = text[line_start:position].strip(" \t*_#(")
    return is_near and (label.isdigit() or (len(label) == 1 and label.isalpha()))
