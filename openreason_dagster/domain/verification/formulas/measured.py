"""Whether two values are the same quantity: units, percentages, number bases, angles and rounded decimals."""

from dataclasses import dataclass
from fractions import Fraction

from openreason_dagster.domain.verification.formulas.arithmetic import Value, inexact, numbers
from openreason_dagster.domain.verification.formulas.equality import constant_value, same_expression, variables
from openreason_dagster.domain.verification.formulas.tree import (
    MODULO,
    Measured,
    Node,
    Number,
    Operation,
    Symbol,
    UnreadableError,
    mapped,
    symbols,
    walk,
)
from openreason_dagster.domain.verification.units import parse_unit

PLACES = 6
"""Decimal places from which on a rounded or cut decimal stands for an exact value."""
REFERENCE_DIGITS = 3
"""Significant digits that a decimal reference needs for exact values that round to it to be right."""
_UNIT_LETTERS = frozenset({"m", "s", "g", "h", "L", "l", "N", "J", "W", "V", "K", "C", "A"})
_PERCENT = ("%", "percent", "percentage", "pct", "percentage points", "per cent")
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_HEDGES = frozenset({
    "not", "no", "nor", "or", "either", "maybe", "perhaps", "than", "between", "plus", "minus", "without",
    "except", "over", "under", "unless", "isn't", "if", "out",
})  # fmt: skip


@dataclass(frozen=True)
class Split:
    """A value and its unit, "" without."""

    value: Node
    unit: str


def split_unit(node: Node) -> Split:
    """The value and unit of a node; degrees are a unit, a percent sign stays with the value.

    Raises:
        UnreadableError: the words behind the value take it back.
    """
    match node:
        case Measured(value=value, unit=unit):
            split = _split_words(value, unit)
        case Operation(name="°", arguments=(value,)):
            split = Split(value, "°")
        case Operation(name="-", arguments=(Operation(name="°", arguments=(value,)),)):
            split = Split(Operation("-", (value,)), "°")
        case Operation(name="*", arguments=(Operation(name="°", arguments=(value,)), Symbol(name="C" | "F" as scale))):
            split = Split(value, f"°{scale}")
        case _:
            split = Split(node, "")
    return split


def _split_words(value: Node, unit: str) -> Split:
    """The value with the words behind it as percent sign, factor or unit."""
    words = unit.casefold().strip(" .")
    if words in _PERCENT:
        return Split(Operation("%", (value,)), "")
    if _HEDGES & set(words.split()):
        raise UnreadableError(f"{unit!r} is no unit")
    first, _, rest = words.partition(" ")
    if first in _SCALES:
        return Split(Operation("*", (value, Number(Fraction(_SCALES[first])))), rest)
    inner = split_unit(value)
    return Split(inner.value, (inner.unit + unit) if inner.unit == "°" and unit in "CFK" else unit)


def units_agree(one: str, other: str) -> bool:
    """Whether two units can be of the same quantity: an absent or unknown one agrees with all."""
    if one.startswith(MODULO) and other.startswith(MODULO):
        return one == other
    first, second = parse_unit(one), parse_unit(other)
    return first is None or second is None or first == second


def same_quantity(reference: Node, answer: Node) -> bool:
    """Whether two values are the same, by the policy for units, percentages, bases and decimals.

    Raises:
        UnreadableError: that cannot be told.
    """
    one, other = split_unit(reference), split_unit(answer)
    if not variables(one.value):
        other = with_unit_letters(other)
    if _is_base(one.value) or _is_base(other.value):
        return _same_digits(one.value, other.value)
    if not units_agree(one.unit, other.unit):
        return False
    if _is_angle(one, other) or _is_angle(other, one):
        return _same_angle(one, other)
    if _is_percent(one.value) and _is_percent(other.value):
        return same_number(_unscaled(one.value), _unscaled(other.value))
    return any(same_number(a, b) for a in _scales(one.value) for b in _scales(other.value))


def same_number(reference: Node, answer: Node) -> bool:
    """Whether two expressions are equal, or one is the other rounded to enough digits."""
    if variables(reference) != variables(answer):
        return same_expression(reference, answer)
    if _same_ratio(reference, answer) or same_expression(reference, answer):
        return True
    if variables(reference):
        return _differs_by_base(reference, answer)
    return _rounds_to(reference, answer) or _differs_by_base(reference, answer)


def _same_ratio(one: Node, other: Node) -> bool:
    match one, other:
        case Operation(name="ratio", arguments=a), Operation(name="ratio", arguments=b) if len(a) == len(
            b
        ) and _is_nonzero(a + b):
            return all(
                same_expression(Operation("*", (a[0], y)), Operation("*", (b[0], x))) for x, y in zip(a, b, strict=True)
            )
        case _:
            return False


def _is_nonzero(parts: tuple[Node, ...]) -> bool:
    return not any(isinstance(part, Number) and part.value == 0 for part in parts)


def _is_percent(node: Node) -> bool:
    return isinstance(node, Operation) and node.name == "%"


def _unscaled(node: Node) -> Node:
    return node.arguments[0] if isinstance(node, Operation) and node.name == "%" else node


def _scales(node: Node) -> list[Node]:
    """A percentage as the number before the sign, and as hundredths."""
    return [_unscaled(node), node] if _is_percent(node) else [node]


def _is_base(node: Node) -> bool:
    return isinstance(_unsigned(node), Operation) and _unsigned(node).name == "base"  # type: ignore[union-attr]


def _same_digits(one: Node, other: Node) -> bool:
    """Whether two numbers have the same digits, and no different base."""
    digits, bases = [], []
    for node in (one, other):
        match node:
            case Operation(name="base", arguments=(number, base)):
                digits.append(number)
                bases.append(base)
            case Operation(name="-", arguments=(Operation(name="base", arguments=(number, base)),)):
                digits.append(Operation("-", (number,)))
                bases.append(base)
            case _:
                digits.append(node)
    return digits[0] == digits[1] and (len(bases) < 2 or bases[0] == bases[1])


def _is_angle(one: Split, other: Split) -> bool:
    """Whether the first is in degrees and the second in radians, by its π."""
    return parse_unit(one.unit) == parse_unit("°") and not other.unit and "π" in symbols(other.value)


def _same_angle(one: Split, other: Split) -> bool:
    radians = [Operation("°", (part.value,)) if part.unit else part.value for part in (one, other)]
    return same_expression(radians[0], radians[1])


def with_unit_letters(split: Split) -> Split:
    """The split of `5 m` or `9.8 m/s^2`, written without marking the unit: one number times letters that are units."""
    if split.unit or not variables(split.value) or not variables(split.value) <= _UNIT_LETTERS:
        return split
    factors = _factors(split.value)
    number = factors.pop(0)[1] if factors and not variables(factors[0][1]) else None
    if number is None or any(not variables(factor) for _, factor in factors):
        return split
    return Split(number, "".join(sign + _unit_text(factor) for sign, factor in factors).removeprefix("*"))


def _factors(node: Node) -> list[tuple[str, Node]]:
    """The factors of a product or quotient, each with the sign before it."""
    match node:
        case Operation(name="*" | "/" as sign, arguments=(left, right)):
            return [*_factors(left), (sign, right)]
        case _:
            return [("*", node)]


def _unit_text(node: Node) -> str:
    match node:
        case Symbol(name=name):
            return name
        case Operation(name="^", arguments=(Symbol(name=name), Number(value=power))):
            return f"{name}^{power}"
        case _:
            raise UnreadableError("no unit")


def _differs_by_base(one: Node, other: Node) -> bool:
    """Whether the expressions are equal once a logarithm without a base is to the base ten."""
    if not any(isinstance(part, Operation) and part.name == "log" for node in (one, other) for part in walk(node)):
        return False
    return same_expression(mapped(one, _to_base_ten), mapped(other, _to_base_ten))


def _to_base_ten(node: Node) -> Node | None:
    if isinstance(node, Operation) and node.name == "log":
        return Operation("log10", tuple(mapped(part, _to_base_ten) for part in node.arguments))
    return None


def _decimal(node: Node) -> Number | None:
    """A number written with a decimal point, its sign taken in."""
    match node:
        case Number(places=int()):
            return node
        case Operation(name="-", arguments=(Number(value=value, places=int() as places),)):
            return Number(-value, places)
        case _:
            return None


def _rounds_to(reference: Node, answer: Node) -> bool:
    """Whether one is a decimal and the other an exact value that it stands for."""
    expected, found = _decimal(reference), _decimal(answer)
    if found is not None and expected is None and not isinstance(_unsigned(reference), Number):
        return (found.places or 0) >= PLACES and _is_rounded(constant_value(reference), found)
    if expected is not None and found is None and not isinstance(_unsigned(answer), Number):
        digits = len(str(abs(expected.value.numerator * 10 ** (expected.places or 0) // expected.value.denominator)))
        return digits >= REFERENCE_DIGITS and _is_rounded(constant_value(answer), expected)
    return False


def _unsigned(node: Node) -> Node:
    return node.arguments[0] if isinstance(node, Operation) and node.name == "-" else node


def _is_rounded(exact: Value, decimal: Number) -> bool:
    """Whether the decimal is the exact value rounded or cut to its places."""
    value = inexact(exact)
    if isinstance(exact, float) or value.imag != 0:
        return False
    scale = 10 ** (decimal.places or 0)
    written = decimal.value * scale
    scaled = abs(value) * scale
    if written == 0 or (value < 0) != (written < 0):
        return False
    return abs(written) in {int(numbers().floor(scaled)), int(numbers().nint(scaled))}
