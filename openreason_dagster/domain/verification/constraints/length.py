"""Constraints on length: words, sentences, paragraphs."""

import re

from pydantic import model_validator

from openreason_dagster.domain.verification.constraints.constraint import (
    Amount,
    Constraint,
    Held,
    Least,
    Limits,
    Phrase,
    Relation,
    limits_of,
)
from openreason_dagster.domain.verification.constraints.text_units import sentences, words

_DIVIDER = re.compile(r"(?<!\S)\*\*\*(?!\S)")
_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)++")
_FIRST_WORD = re.compile(r"[^\W_]++(?:['’-][^\W_]++)*+")


class NumberWords(Constraint):
    """So many words."""

    relation: Relation
    num_words: Amount

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return limits_of("words", self.relation, self.num_words)

    def holds(self, response: str) -> Held:
        """Counted by `text_units.words`."""
        return words(response).satisfies(self.relation, self.num_words)


class NumberSentences(Constraint):
    """So many sentences."""

    relation: Relation
    num_sentences: Amount

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return limits_of("sentences", self.relation, self.num_sentences)

    def holds(self, response: str) -> Held:
        """Counted by `text_units.sentences`."""
        return sentences(response).satisfies(self.relation, self.num_sentences)


class NumberParagraphs(Constraint):
    """So many paragraphs with the divider `***` between them."""

    num_paragraphs: Least

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return Limits(counted="paragraphs between dividers", least=self.num_paragraphs, most=self.num_paragraphs)

    def holds(self, response: str) -> Held:
        """A divider stands between blanks, so `***strong***` is none; it is idle where the response starts or ends."""
        parts = [part.strip() for part in _DIVIDER.split(response.strip())]
        inner = parts[1:-1]
        if "" in inner:
            return False
        return len([part for part in parts if part]) == self.num_paragraphs


class NthParagraphFirstWord(Constraint):
    """So many paragraphs with blank lines between them, and a given first word in one of them."""

    num_paragraphs: Least
    nth_paragraph: Least
    first_word: Phrase

    @model_validator(mode="after")
    def _paragraph_exists(self) -> "NthParagraphFirstWord":
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError(f"paragraph {self.nth_paragraph} of {self.num_paragraphs} cannot exist")
        return self

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return Limits(counted="paragraphs between blank lines", least=self.num_paragraphs, most=self.num_paragraphs)

    @property
    def required_texts(self) -> tuple[str, ...]:
        """See `Constraint`."""
        return (self.first_word,)

    def holds(self, response: str) -> Held:
        """Blank paragraphs do not count; letter case and marks before the word do not matter.

        It is unclear whether a paragraph that starts with `it's` or `well-known` starts with `it` or `well`.
        """
        paragraphs = [part for part in _BLANK_LINES.split(response) if part.strip()]
        if len(paragraphs) != self.num_paragraphs:
            return False
        found = _FIRST_WORD.search(paragraphs[self.nth_paragraph - 1])
        first, wanted = (found.group().casefold() if found else ""), self.first_word.strip().casefold()
        if first == wanted:
            return True
        return None if re.split(r"['’-]", first)[0] == wanted else False
