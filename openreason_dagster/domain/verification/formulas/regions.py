"""Sets of real numbers as intervals: from brackets, inequalities, unions and differences."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from openreason_dagster.domain.verification.formulas.arithmetic import Value, inexact, numbers
from openreason_dagster.domain.verification.formulas.equality import constant_value, variables
from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Measured,
    Node,
    Operation,
    Relation,
    Several,
    Symbol,
    UnreadableError,
)
from openreason_dagster.domain.verification.formulas.values import same_value

_TURNED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "≠": "≠", "=": "="}


@dataclass(frozen=True)
class Interval:
    """Everything between two values; each end belongs to it or not."""

    low: Value
    has_low: bool
    high: Value
    has_high: bool


Region = tuple[Interval, ...]
"""Intervals in rising order that neither overlap nor touch."""

EVERYTHING: Region = (Interval(-math.inf, has_low=False, high=math.inf, has_high=False),)


def same_region(one: Region, other: Region) -> bool:
    """Whether two regions hold the same numbers."""
    return len(one) == len(other) and all(
        same_value(a.low, b.low) and same_value(a.high, b.high) and (a.has_low, a.has_high) == (b.has_low, b.has_high)
        for a, b in zip(one, other, strict=True)
    )


def region(node: Node) -> Region | None:
    """The region that a node describes, or None when it describes none."""
    try:
        return _region(node) if len(variables(node)) <= 1 else None
    except UnreadableError:
        return None


def is_inequality(node: Node) -> bool:
    """Whether the node is a relation of order."""
    return isinstance(node, Relation) and bool({"<", ">", "≤", "≥", "≠"} & set(node.signs))


def _region(node: Node) -> Region:
    match node:
        case Measured(value=value):
            found = _region(value)
        case Bracketed():
            found = _bracketed(node)
        case Relation():
            found = _solved(node)
        case Operation(name=name, arguments=(one, other)) if name in _OPERATIONS:
            found = _OPERATIONS[name](_region(one), _region(other))
        case Symbol(name=name) if name in _NAMED:
            found = _NAMED[name]
        case Several(items=items, joints=joints) if "or" in joints or all(isinstance(item, Relation) for item in items):
            found = _several([_region(item) for item in items], is_union="or" in joints)
        case _:
            raise UnreadableError("no region")
    return found


def _several(regions: list[Region], *, is_union: bool) -> Region:
    """The union; or, for conditions side by side that can hold together, what they have in common."""
    common = EVERYTHING
    for part in regions:
        common = _common(common, part)
    return _united(tuple(part for one in regions for part in one)) if is_union or not common else common


def _bracketed(node: Bracketed) -> Region:
    if node.opening in ("\\{", "{"):
        points = [constant_value(item) for item in node.items]
        return _united(tuple(Interval(point, has_low=True, high=point, has_high=True) for point in points))
    if len(node.items) != 2 or node.opening not in ("(", "["):
        raise UnreadableError("no interval")
    low, high = (constant_value(item) for item in node.items)
    if not _is_below(low, high):
        raise UnreadableError("the ends of an interval do not rise")
    return (Interval(low, has_low=node.opening == "[", high=high, has_high=node.closing == "]"),)


def _solved(relation: Relation) -> Region:
    """The numbers for which a solved relation holds: one side unknown, the others constant."""
    unknown = [index for index, side in enumerate(relation.sides) if variables(side)]
    if relation.signs == ("∈",):
        return _region(relation.sides[1])
    if len(unknown) != 1 or not isinstance(relation.sides[unknown[0]], Symbol | Operation):
        raise UnreadableError("the relation is not solved")
    place, found = unknown[0], EVERYTHING
    side = relation.sides[place]
    is_size = isinstance(side, Operation) and side.name == "abs" and isinstance(side.arguments[0], Symbol)
    if isinstance(side, Operation) and not side.name.startswith("call:") and not is_size:
        raise UnreadableError("the relation is not solved")
    if place not in (0, 1) or len(relation.sides) > 3 or (place == 0 and len(relation.sides) > 2):
        raise UnreadableError("the relation is no chain around one unknown")
    for index, bound in enumerate(relation.sides):
        if index != place:
            sign = relation.signs[index - 1] if index > place else _TURNED.get(relation.signs[index], "")
            found = _common(found, _half_line(sign, constant_value(bound)))
    return _of_size(found) if is_size else found


def _of_size(sizes: Region) -> Region:
    """The numbers whose absolute value lies in the region."""
    positive = _common(sizes, (Interval(Fraction(0), has_low=True, high=math.inf, has_high=False),))
    negative = tuple(Interval(-part.high, part.has_high, -part.low, part.has_low) for part in positive)
    return _united(positive + negative)


def _half_line(sign: str, bound: Value) -> Region:
    """The numbers that stand left of the sign with the bound on its right."""
    match sign:
        case "<" | "≤":
            return (Interval(-math.inf, has_low=False, high=bound, has_high=sign == "≤"),)
        case ">" | "≥":
            return (Interval(bound, has_low=sign == "≥", high=math.inf, has_high=False),)
        case "≠":
            return _complement((Interval(bound, has_low=True, high=bound, has_high=True),))
        case "=":
            return (Interval(bound, has_low=True, high=bound, has_high=True),)
        case _:
            raise UnreadableError(f"{sign} bounds nothing")


def _key(value: Value) -> Value:
    ordered = numbers().mpf(value) if isinstance(value, float) else inexact(value)
    if ordered.imag != 0:
        raise UnreadableError("complex numbers have no order")
    return ordered.real


def _is_below(low: Value, high: Value) -> bool:
    return bool(_key(low) < _key(high)) and not same_value(low, high)


def _united(parts: tuple[Interval, ...]) -> Region:
    united: list[Interval] = []
    for part in sorted(parts, key=lambda part: (_key(part.low), not part.has_low)):
        last = united[-1] if united else None
        if last is None or _is_below(last.high, part.low) or _leaves_gap(last, part):
            united.append(part)
            continue
        if _is_below(last.high, part.high):
            united[-1] = Interval(last.low, last.has_low, part.high, part.has_high)
        elif same_value(last.high, part.high):
            united[-1] = Interval(last.low, last.has_low, last.high, last.has_high or part.has_high)
    return tuple(united)


def _leaves_gap(left: Interval, right: Interval) -> bool:
    return same_value(left.high, right.low) and not left.has_high and not right.has_low


def _complement(parts: Region) -> Region:
    gaps: list[Interval] = []
    low: Value = -math.inf
    has_low = False
    for part in parts:
        if _is_below(low, part.low) or (has_low and not part.has_low):
            gaps.append(Interval(low, has_low, part.low, not part.has_low and not isinstance(part.low, float)))
        low, has_low = part.high, not part.has_high
    if not isinstance(low, float) or low < 0:
        gaps.append(Interval(low, has_low, math.inf, has_high=False))
    return tuple(gaps)


def _common(one: Region, other: Region) -> Region:
    found = []
    for a in one:
        for b in other:
            low = a if _is_below(b.low, a.low) or (same_value(a.low, b.low) and not a.has_low) else b
            high = a if _is_below(a.high, b.high) or (same_value(a.high, b.high) and not a.has_high) else b
            is_point = same_value(low.low, high.high) and low.has_low and high.has_high
            if is_point or _is_below(low.low, high.high):
                found.append(Interval(low.low, low.has_low, high.high, high.has_high))
    return _united(tuple(found))


_NAMED: dict[str, Region] = {"ℝ": EVERYTHING, "∅": ()}
_OPERATIONS: dict[str, Callable[[Region, Region], Region]] = {
    "∪": lambda one, other: _united(one + other),
    "∩": _common,
    "∖": lambda one, other: _common(one, _complement(other)),
}
