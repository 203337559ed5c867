"""What every constraint is: checked arguments, and whether a response keeps to them.

Some words of the vocabulary can be read in two ways: whether `don't` is one word, whether `mothers` contains the
keyword `mother`. Such a constraint holds where both readings say so, is broken where neither does, and is unclear
between them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Held = bool | None
"""Whether a constraint holds; None where that is unclear."""
Relation = Literal["less than", "at least"]


def _whole(value: object) -> object:
    """A number that a table stored as a float, as an integer again."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Amount = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Least = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Phrase = Annotated[str, Field(pattern=r"\S", max_length=10_000)]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many of something a response may have; no end without `most`."""

    counted: str
    least: int = 0
    most: int | None = None


def limits_of(counted: str, relation: Relation, number: int) -> Limits:
    """The limits that a relation sets."""
    if relation == "at least":
        return Limits(counted=counted, least=number)
    return Limits(counted=counted, most=number - 1)


class Constraint(BaseModel, ABC):
    """One constraint; its fields are the arguments that IFEval names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    needs_worker: ClassVar[bool] = False
    """Whether checking loads models, which is for worker processes."""

    @property
    def limits(self) -> Limits | None:
        """What it counts and how many of it may be there, where it sets limits."""
        return None

    @property
    def required_texts(self) -> tuple[str, ...]:
        """Texts that a response which keeps to it must contain."""
        return ()

    def forbids(self, text: str) -> bool:
        """Whether no response which keeps to it can contain the text."""
        del text
        return False

    @abstractmethod
    def holds(self, response: str) -> Held:
        """Whether the response, which is not blank, keeps to the constraint; takes time linear in its length."""


@dataclass(frozen=True)
class Count:
    """How many there are: `least` under the narrow reading, `most` under the wide one."""

    least: int
    most: int

    def exactly(self, number: int) -> Held:
        """Whether there are so many."""
        if self.least == self.most:
            return self.least == number
        return None if self.least <= number <= self.most else False

    def at_least(self, number: int) -> Held:
        """Whether there are so many or more."""
        if self.least >= number:
            return True
        return None if self.most >= number else False

    def satisfies(self, relation: Relation, number: int) -> Held:
        """Whether the count is in that relation to the number."""
        reached = self.at_least(number)
        if relation == "at least" or reached is None:
            return reached
        return not reached
