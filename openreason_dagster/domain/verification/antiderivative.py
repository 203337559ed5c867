"""Whether two expressions have the same derivative: whether they differ by a constant, at points on the real line.

Both are read by our own grammar and worked out to 80 digits, so that nothing is evaluated as a program. Positive and
negative points are apart, because the constant may change where a function has a gap at zero.
"""

from collections.abc import Iterator
from fractions import Fraction

from openreason_dagster.domain.verification.formulas.arithmetic import UndefinedError, Value, inexact, numbers
from openreason_dagster.domain.verification.formulas.elements import value_side
from openreason_dagster.domain.verification.formulas.reader import readings
from openreason_dagster.domain.verification.formulas.tree import Node, Relation, Symbol, UnreadableError, mapped, walk
from openreason_dagster.domain.verification.formulas.values import evaluated
from openreason_dagster.domain.verification.symbolic_text import fitness

POINTS = tuple(Fraction(number**3, 200) for number in range(1, 18))
"""0.005 to 24.6, dense near zero: functions such as asin(3x) are defined nowhere else."""
LEAST_POINTS = 3
LARGEST_EXPRESSION = 150
"""Nodes of an expression that is tried."""
_LARGEST_VALUE = 10**20
_TOLERANCE_DIGITS = 40
_CONSTANT = Fraction(7, 5)
"""What every letter but the variable stands for: a constant of integration is the same at all points."""


def same_derivative(reference: str, answer: str, *, variable: str) -> bool | None:
    """Whether the answer is the reference plus a constant; None where the answer cannot be read or tried.

    Raises:
        UnreadableError: the reference cannot be read.
    """
    expected = _expression(reference)
    if expected is None:
        raise UnreadableError(f"the reference {reference[:80]!r} is no expression")
    found = _expression(answer)
    if found is None:
        return None
    groups = [list(_differences(expected, found, variable, sign=sign)) for sign in (1, -1)]
    if max(map(len, groups)) < LEAST_POINTS:
        return None
    return all(_is_constant(group) for group in groups)


def _expression(text: str) -> Node | None:
    if fitness(text)[0] != "fit":
        return None
    node = next(iter(readings(text)), None)
    if isinstance(node, Relation):
        named = value_side(node)
        node = None if named is None else named[1]
    if node is None or sum(1 for _ in walk(node)) > LARGEST_EXPRESSION:
        return None
    return mapped(node, lambda part: Symbol("e") if part == Symbol("E") else None)


def _differences(one: Node, other: Node, variable: str, *, sign: int) -> Iterator[Value]:
    """The differences at the points on one side of zero where both are defined and not too large."""
    for point in POINTS:
        pair = [_value_at(node, variable, sign * point) for node in (one, other)]
        if all(value is not None and abs(value) < _LARGEST_VALUE for value in pair):
            yield inexact(pair[0]) - inexact(pair[1])


def _value_at(node: Node, variable: str, point: Fraction) -> Value | None:
    try:
        return evaluated(node, lambda name: point if name == variable else _CONSTANT, "real")
    except (UndefinedError, UnreadableError):
        return None


def _is_constant(values: list[Value]) -> bool:
    return all(abs(value - values[0]) < numbers().mpf(10) ** -_TOLERANCE_DIGITS for value in values)
