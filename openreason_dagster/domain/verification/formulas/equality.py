"""Whether two expressions are equal: worked out where they are numbers, tried at many points where they have variables.

Two different expressions of bounded size agree at random points only by a chance too small to matter. The points hold
fractions of either sign and whole numbers; what is undefined among the reals at a point says nothing there.
"""

import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

from openreason_dagster.domain.verification.formulas.arithmetic import UndefinedError, Value
from openreason_dagster.domain.verification.formulas.tree import Node, UnreadableError, symbols
from openreason_dagster.domain.verification.formulas.values import Field, evaluated, same_value

CONSTANTS = frozenset({"π", "e", "i", "∞"})
_KINDS = ("positive", "positive", "signed", "whole", "small", "signed", "whole", "positive", "whole", "whole", "whole")
LEAST_POINTS = 3
"""Points at which both expressions have to be defined before they count as equal."""


def variables(node: Node) -> frozenset[str]:
    """The variables of a node; constants such as π are none."""
    return symbols(node) - CONSTANTS


@lru_cache(maxsize=4096)
def constant_value(node: Node) -> Value:
    """The value of an expression without variables.

    Raises:
        UnreadableError: it has variables, or cannot be worked out.
    """
    for field in _FIELDS:
        try:
            return evaluated(node, _no_value, field)
        except UndefinedError:
            continue
    raise UnreadableError("the expression has no value")


def same_expression(one: Node, other: Node) -> bool:
    """Whether the expressions are equal wherever both are defined.

    Raises:
        UnreadableError: that cannot be told.
    """
    if not variables(one) and not variables(other):
        return same_value(constant_value(one), constant_value(other))
    return all(same_value(a, b) for a, b in value_pairs(one, other))


def value_pairs(one: Node, other: Node) -> Iterator[tuple[Value, Value]]:
    """The values of two expressions at the points where both are defined.

    Raises:
        UnreadableError: there are fewer than `LEAST_POINTS` such points, once they are run through.
    """
    for field in _FIELDS:
        found = 0
        for index in range(len(_KINDS)):
            pair = _value_at(one, index, field), _value_at(other, index, field)
            if pair[0] is None or pair[1] is None:
                continue
            found += 1
            yield pair
        if found >= LEAST_POINTS:
            return
    raise UnreadableError("the expressions are hardly ever defined together")


_FIELDS: tuple[Field, ...] = ("real", "complex")


@lru_cache(maxsize=16384)
def _value_at(node: Node, index: int, field: Field) -> Value | None:
    """The value of an expression at one of the points, None where it has none or is not known well enough."""
    try:
        return evaluated(node, _point(index), field)
    except (UndefinedError, UnreadableError):
        return None


def _no_value(name: str) -> Value:
    raise UnreadableError(f"{name} has no value")


@lru_cache(maxsize=64)
def _point(index: int) -> Callable[[str], Value]:
    """Values for variables that depend on nothing but their names and the number of the point."""
    kind = _KINDS[index]

    @lru_cache(maxsize=1024)
    def value(name: str) -> Value:
        digest = hashlib.blake2b(f"{index} {name}".encode(), digest_size=4).digest()
        number = int.from_bytes(digest)
        if kind == "whole":
            return Fraction(2 + number % 40)
        if kind == "small":
            return Fraction(1 + number % 99, 101)
        return Fraction(1 + number % 180, 37) * (-1 if kind == "signed" and number >> 31 else 1)

    return value
