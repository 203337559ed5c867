"""Whether two equations or two chains of inequalities say the same."""

from fractions import Fraction

from openreason_dagster.domain.verification.formulas.arithmetic import Value, inexact
from openreason_dagster.domain.verification.formulas.equality import value_pairs, variables
from openreason_dagster.domain.verification.formulas.regions import region, same_region
from openreason_dagster.domain.verification.formulas.tree import Node, Operation, Relation, UnreadableError
from openreason_dagster.domain.verification.formulas.values import same_value


def same_equation(one: Relation, other: Relation) -> bool:
    """Whether two equations are the same but for a factor: their differences of sides are proportional."""
    try:
        return bool(variables(one)) and _ratio_sign(one, other) is not None
    except UnreadableError:
        return False


def _difference(relation: Relation) -> Node:
    left, right = relation.sides
    return Operation("+", (left, Operation("-", (right,))))


def _ratio_sign(one: Relation, other: Relation) -> int | None:
    """The sign of the constant ratio of two differences of sides, None when the ratio is not constant."""
    if variables(one) != variables(other):
        return None
    ratios: list[Value] = []
    for a, b in value_pairs(_difference(one), _difference(other)):
        if a == 0 and b == 0:
            continue
        if a == 0 or b == 0:
            return None
        ratios.append(a / b if isinstance(a, Fraction) and isinstance(b, Fraction) else inexact(a) / inexact(b))
    if not ratios or not all(same_value(ratios[0], ratio) for ratio in ratios):
        return None
    return 1 if ratios[0].real > 0 else -1


_LESS = {"<": ("<", False), "≤": ("≤", False), ">": ("<", True), "≥": ("≤", True), "≠": ("≠", False), "=": ("=", False)}


def same_order(reference: Relation, answer: Relation) -> bool:
    """Whether two chains of inequalities say the same, each step once."""
    one, other = region(reference), region(answer)
    if one is not None and other is not None:
        return variables(reference) == variables(answer) and same_region(one, other)
    steps, left = _steps(reference), _steps(answer)
    if len(steps) != len(left):
        return False
    for step in steps:
        match = next((candidate for candidate in left if _same_step(step, candidate)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _steps(relation: Relation) -> list[Relation]:
    """The relations of a chain, two sides each, with the smaller side first."""
    steps = []
    for index, sign in enumerate(relation.signs):
        if sign not in _LESS:
            raise UnreadableError(f"{sign} is no order")
        name, is_turned = _LESS[sign]
        sides = relation.sides[index : index + 2]
        steps.append(Relation(sides[::-1] if is_turned else sides, (name,)))
    return steps


def _same_step(one: Relation, other: Relation) -> bool:
    if one.signs != other.signs:
        return False
    sign = _ratio_sign(one, other)
    return sign == 1 or (sign == -1 and one.signs[0] in ("≠", "="))
