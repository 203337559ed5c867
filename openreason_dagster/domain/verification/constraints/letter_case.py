"""Constraints on capital and small letters."""

import re
from typing import ClassVar

from openreason_dagster.domain.verification.constraints.constraint import (
    Amount,
    Constraint,
    Count,
    Held,
    Limits,
    Relation,
    limits_of,
)
from openreason_dagster.domain.verification.constraints.text_units import MARKS
from openreason_dagster.domain.verification.response_language import is_in_language

_WORD = re.compile(rf"(?:[^\W_]|[{MARKS}])+(?:['’-](?:[^\W_]|[{MARKS}])+)*")
_PART = re.compile(rf"(?:[^\W_]|[{MARKS}])+")


class EnglishCapital(Constraint):
    """The whole response is English in capital letters."""

    needs_worker: ClassVar[bool] = True

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return Limits(counted="small letters", most=0)

    def holds(self, response: str) -> Held:
        """There is a capital letter, no small one, and `is_in_language` finds English."""
        return response.isupper() and is_in_language(response, "en")


class EnglishLowercase(Constraint):
    """The whole response is English in small letters."""

    needs_worker: ClassVar[bool] = True

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return Limits(counted="small letters", least=1)

    def holds(self, response: str) -> Held:
        """There is a small letter, no capital one, and `is_in_language` finds English."""
        return response.islower() and is_in_language(response, "en")


class CapitalWordFrequency(Constraint):
    """So many words in capital letters, lone letters such as `I` and `A` included."""

    capital_frequency: Amount
    capital_relation: Relation

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return limits_of("words in capitals", self.capital_relation, self.capital_frequency)

    def holds(self, response: str) -> Held:
        """`X-RAY` is one word to the narrow reading and two to the wide one; `I'm` is none and one."""
        whole = sum(word.isupper() for word in _WORD.findall(response))
        parts = sum(part.isupper() for part in _PART.findall(response))
        return Count(min(whole, parts), max(whole, parts)).satisfies(self.capital_relation, self.capital_frequency)
