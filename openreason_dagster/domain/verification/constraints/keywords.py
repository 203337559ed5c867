"""Constraints on which words, phrases and letters occur. Letter case never matters, nor do patterns in a keyword."""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from openreason_dagster.domain.verification.constraints.constraint import (
    Amount,
    Constraint,
    Count,
    Held,
    Limits,
    Phrase,
    Relation,
    limits_of,
)
from openreason_dagster.domain.verification.constraints.text_units import MARKS, UNSPACED

Phrases = Annotated[list[Phrase], Field(min_length=1)]
_PART_OF_WORD = rf"(?:[^\W_]|[{MARKS}])"
_UNSPACED = re.compile(f"[{UNSPACED}]")


class KeywordsExist(Constraint):
    """Every keyword occurs."""

    keywords: Phrases

    @property
    def required_texts(self) -> tuple[str, ...]:
        """See `Constraint`."""
        return tuple(self.keywords)

    def holds(self, response: str) -> Held:
        """Unclear where a keyword occurs only inside longer words, as `intern` in `internship`."""
        found = [occurrences(keyword, response).at_least(1) for keyword in self.keywords]
        return False if False in found else None if None in found else True


class KeywordFrequency(Constraint):
    """A keyword occurs so often."""

    keyword: Phrase
    frequency: Amount
    relation: Relation

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return limits_of(f"keyword {self.keyword.casefold()!r}", self.relation, self.frequency)

    @property
    def required_texts(self) -> tuple[str, ...]:
        """See `Constraint`."""
        return (self.keyword,) if self.limits.least else ()

    def holds(self, response: str) -> Held:
        """Counted by `occurrences`."""
        return occurrences(self.keyword, response).satisfies(self.relation, self.frequency)


class ForbiddenWords(Constraint):
    """None of the words occurs."""

    forbidden_words: Phrases

    def forbids(self, text: str) -> bool:
        """See `Constraint`."""
        return any(occurrences(word, text).least for word in self.forbidden_words)

    def holds(self, response: str) -> Held:
        """Whole words only: `rocks` and `rocket` are not `rock`, `rock-hard` is two words."""
        return not self.forbids(response)


class LetterFrequency(Constraint):
    """A character, mostly a letter, occurs so often."""

    letter: Annotated[str, Field(min_length=1, max_length=1, pattern=r"\S")]
    let_frequency: Amount
    let_relation: Relation

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return limits_of(f"letter {self.letter.lower()!r}", self.let_relation, self.let_frequency)

    def holds(self, response: str) -> Held:
        """Small and capital letters count alike, letters with accents as letters of their own."""
        number = unicodedata.normalize("NFC", response).lower().count(self.letter.lower())
        return Count(number, number).satisfies(self.let_relation, self.let_frequency)


def occurrences(phrase: str, text: str) -> Count:
    """How often a phrase occurs: as whole words to the narrow reading, anywhere to the wide one.

    Any white space may stand where the phrase has some.
    """
    whole, anywhere = _patterns(phrase)
    text = unicodedata.normalize("NFC", text)
    return Count(len(whole.findall(text)), len(anywhere.findall(text)))


@lru_cache(maxsize=4096)
def _patterns(phrase: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    body = r"\s+".join(map(re.escape, unicodedata.normalize("NFC", phrase).split()))
    has_words = _UNSPACED.search(phrase) is None
    whole = rf"(?<!{_PART_OF_WORD}){body}(?!{_PART_OF_WORD})" if has_words else body
    return re.compile(whole, re.IGNORECASE), re.compile(body, re.IGNORECASE)
