"""What makes a text hard to read: repetition, mixed languages, long paragraphs, markdown; and numbers from nowhere."""

import re
from collections.abc import Iterable

import polars as pl

from openreason_dagster.domain.curation.decontamination import WORD
from openreason_dagster.domain.rewards.language_consistency import language_consistency, language_counts

RUN_WORDS = 10
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LIST_MARK = re.compile(r"^\s*(?:\d{1,2}[.)]|[(（]\d{1,2}[)）])\s", re.MULTILINE)
_MARKDOWN = re.compile(
    r"^\s{0,3}#{1,6}\s|^\s*[-*+]\s+\S|^\s*\d{1,2}[.)]\s+\S|\*\*[^*\n]+\*\*|^\s*```|^\s*\|.+\|\s*$", re.MULTILINE
)


def repeated_shares(texts: pl.Series) -> list[float]:
    """Per text, the share of its words that stand in a run of ten words which occurred before, 0 to 1.

    Words are those of decontamination: in scripts without spaces each character is one.
    """
    words = texts.str.to_lowercase().str.extract_all(WORD)
    return [_repeated_share(list(found)) for found in words]


def _repeated_share(words: list[str]) -> float:
    seen: set[tuple[str, ...]] = set()
    repeated, covered_to = 0, 0
    for start in range(len(words) - RUN_WORDS + 1):
        run = tuple(words[start : start + RUN_WORDS])
        if run in seen:
            repeated += start + RUN_WORDS - max(start, covered_to)
            covered_to = start + RUN_WORDS
        seen.add(run)
    return repeated / len(words) if words else 0.0


def consistencies(texts: Iterable[str], languages: Iterable[str]) -> list[float | None]:
    """Per text, the share of its words in its language (the reward OR5); None where it cannot be told."""
    rows = pl.DataFrame(
        {"reasoning": list(texts), "language": list(languages)}, schema={"reasoning": pl.String, "language": pl.String}
    )
    return language_consistency(language_counts(rows)).to_list()


def longest_paragraph(text: pl.Expr) -> pl.Expr:
    """Characters of the longest paragraph; paragraphs are divided by empty lines."""
    return (
        text.str.replace_all(r"\n[ \t\r]*\n", "\u241e")
        .str.split("\u241e")
        .list.eval(pl.element().str.len_chars())
        .list.max()
    )


def has_code_block(text: pl.Expr) -> pl.Expr:
    """Whether a line opens a fenced block of code."""
    return text.str.contains(r"(?m)^\s*(?:```|~~~)")


def markdown_in(text: str) -> str | None:
    """The first heading, list item, bold text, fence or table row; None if there is none."""
    match = _MARKDOWN.search(text)
    return match.group().strip()[:80] if match else None


def unknown_numbers(text: str, *known: str) -> list[str]:
    """Numbers of a text that stand in none of the known texts, in order; marks of list items are no numbers.

    `1,000` and `1000` are the same number, as are `2` and `2.0`.
    """
    there = {_plain(number) for source in known for number in _NUMBER.findall(source)}
    parts = {part for source in known for number in _NUMBER.findall(source) for part in re.split("[.,]", number)}
    found = _NUMBER.findall(_LIST_MARK.sub(" ", text))
    return [number for number in dict.fromkeys(found) if _plain(number) not in there and number not in parts]


def _plain(number: str) -> str:
    whole = re.sub(r",(?=\d{3}(?:\D|$))", "", number)
    return whole.rstrip("0").rstrip(".") or "0" if "." in whole else whole
