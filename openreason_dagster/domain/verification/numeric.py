"""Verifier kind `numeric`: a measured number, right within a tolerance and in the right unit.

The specification may hold `relative` and `absolute`, the tolerances, of which the larger applies, and `unit`, the
unit of the reference: `{"relative": 0.01, "absolute": 0.05, "unit": "m/s"}`. Without a tolerance the values have to
be equal. A unit on the answer is converted; one that measures something else is wrong. An answer without a unit is
taken to be in the reference's, and so is one whose unit is not known.

An answer that is seen to be no single number is `incorrect`: several values, a relation, words, a complex number. One
that cannot be worked out here, such as an integral, a formula with variables or a number in words, is `abstained`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.final_answers import core_readings, final_answer
from openreason_dagster.domain.verification.formulas.arithmetic import Value, inexact, numbers
from openreason_dagster.domain.verification.formulas.elements import elements, value_side
from openreason_dagster.domain.verification.formulas.equality import constant_value
from openreason_dagster.domain.verification.formulas.measured import split_unit, with_unit_letters
from openreason_dagster.domain.verification.formulas.reader import readings
from openreason_dagster.domain.verification.formulas.spelling import compact
from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Matrix,
    Node,
    Operation,
    Relation,
    UnreadableError,
    Words,
)
from openreason_dagster.domain.verification.formulas.words import NUMBER_WORDS
from openreason_dagster.domain.verification.symbolic_text import fitness
from openreason_dagster.domain.verification.units import Unit, parse_unit

_ZERO_CELSIUS = Fraction(27315, 100)
_DEGREES_OF_RADIAN = Fraction(180)
_NUMBER_AND_UNIT = re.compile(
    r"(?:\s*\$?\s*\\?[a-zA-Z]+(?:_\{?\w+\}?)?\s*[=≈]|\\approx)?[\s$]*([-+−]?[\d.,]+(?:[eE]-?\d+)?(?:\s*(?:\\times|×|\\cdot|\*|x)\s*10\s*\^\s*(?:\{-?\d+\}|-?\d+))?)"
    r"[\s$~]*(.*)$",
    re.DOTALL,
)
_POWER_OF_TEN = re.compile(r"[\s$]*(?:\\mathrm\{)?10\s*\^\s*\{?\s*(-?\d{1,3})")
_TEMPERATURES = ("K", "celsius", "fahrenheit")
_SPELT = frozenset({*NUMBER_WORDS, "hundred", "thousand", "million", "billion", "half", "third", "quarter"})


class _NoSingleNumberError(UnreadableError):
    """What was read is something else than one real number."""


@dataclass(frozen=True)
class _Amount:
    """A value, whether it was written as a percentage, and its unit in words."""

    value: Value
    unit: str
    is_percentage: bool


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"\\boxed{{{reference}}}"


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge by value and unit; `abstained` where the answer's value cannot be worked out."""
    try:
        relative, absolute = _tolerance(spec, "relative"), _tolerance(spec, "absolute")
        expected = _amount(readings(reference))
    except (UnreadableError, ValueError) as error:
        return _judgement(Verdict.BAD_REFERENCE, None, "value", f"the reference {reference[:80]!r}: {error}")
    extracted = final_answer(answer)
    if extracted is None:
        return _judgement(Verdict.NO_ANSWER, None, "extraction", "no final answer was found")
    state, reason = fitness(extracted)
    if state in ("program", "too_large"):
        verdict = Verdict.INCORRECT if state == "program" else Verdict.ABSTAINED
        return _judgement(verdict, extracted, "guard", reason)
    unit = str(spec.get("unit") or expected.unit).strip()
    expected = replace(expected, unit=unit)
    try:
        found = _amount_with_unit(extracted, unit) or _amount(readings(extracted) or core_readings(extracted))
    except UnreadableError as error:
        return _without_amount(extracted, error)
    return _compare(expected, found, unit=unit, tolerances=(relative, absolute), extracted=extracted)


def _without_amount(extracted: str, error: UnreadableError) -> Judgement:
    """Wrong only where it is certain that no single number was given."""
    state, reason = fitness(extracted)
    if _is_spelt(extracted) or not (isinstance(error, _NoSingleNumberError) or state == "not_mathematics"):
        return _judgement(Verdict.ABSTAINED, extracted, "value", f"the answer's value is not known: {error}")
    message = reason if state == "not_mathematics" else f"the answer is no single number: {error}"
    return _judgement(Verdict.INCORRECT, extracted, "value", message)


def _is_spelt(text: str) -> bool:
    """Whether a number may stand there in words, of any language's numerals."""
    if re.search(r"[0-9]", text):
        return False
    return any(map(str.isnumeric, text)) or not _SPELT.isdisjoint(re.findall(r"[a-z]+", text.casefold()))


def _compare(
    expected: _Amount, found: _Amount, *, unit: str, tolerances: tuple[Fraction, Fraction], extracted: str
) -> Judgement:
    converted = _converted(found, unit)
    if converted is None:
        return _judgement(Verdict.INCORRECT, extracted, "unit", f"{found.unit!r} does not measure what {unit!r} does")
    amount = _Amount(converted, found.unit, found.is_percentage)
    is_near = any(
        _is_near(wanted, value, tolerances)
        for wanted in _scales(expected, other=amount, unit=unit)
        for value in _scales(amount, other=expected, unit=unit)
    )
    message = f"{_shown(converted)} is {'' if is_near else 'not '}within the tolerance of {_shown(expected.value)}"
    return _judgement(Verdict.CORRECT if is_near else Verdict.INCORRECT, extracted, "value", message)


def _scales(amount: _Amount, *, other: _Amount, unit: str) -> list[Value]:
    """The values that an amount can mean.

    A percentage against a plain number is also its hundredth; an answer without a unit may have worked out the power of
    ten that stands in the unit.
    """
    values = [amount.value]
    if amount.is_percentage and not other.is_percentage and "%" not in unit:
        values.append(amount.value / 100)
    power = _POWER_OF_TEN.match(unit)
    if power and other.unit == unit and not amount.unit:
        values.append(_times(amount.value, Fraction(10) ** -int(power[1])))
    return values


def _tolerance(spec: Mapping[str, object], name: str) -> Fraction:
    value = spec.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"`{name}` of the specification is {value!r}, expected a number of at least 0")
    return Fraction(str(value))


def _amount_with_unit(text: str, unit: str) -> _Amount | None:
    """The amount of a plain number with a known unit, or with the asked one as it is written; None for other texts."""
    match = _NUMBER_AND_UNIT.match(text)
    if match is None or not match[2].strip():
        return None
    is_asked = compact(match[2]) == compact(unit)
    named = parse_unit(match[2])
    if named == parse_unit("%") or (named is None and not is_asked):
        return None
    return replace(_amount(readings(match[1])), unit=unit if is_asked else match[2])


def _amount(found: tuple[Node, ...]) -> _Amount:
    """The one number that a text gives.

    Raises:
        _NoSingleNumberError: it gives several, or something else.
        UnreadableError: it cannot be worked out.
    """
    if not found:
        raise UnreadableError("it cannot be read")
    parts = elements(found[0])
    if len(parts) != 1:
        raise _NoSingleNumberError(f"it gives {len(parts)} values")
    node = parts[0].value
    if isinstance(node, Relation):
        chain = value_side(node)
        if chain is None:
            raise _NoSingleNumberError("it is a relation")
        node = chain[1]
    if isinstance(node, Words | Bracketed | Matrix):
        raise _NoSingleNumberError("it is words, or several values in brackets")
    split = with_unit_letters(split_unit(node))
    is_percentage = isinstance(split.value, Operation) and split.value.name == "%"
    value = constant_value(
        split.value.arguments[0] if isinstance(split.value, Operation) and is_percentage else split.value
    )
    if isinstance(value, float) or value.imag != 0:
        raise _NoSingleNumberError("it is no real number")
    return _Amount(value, split.unit, is_percentage)


def _converted(found: _Amount, wanted: str) -> Value | None:
    """The answer's value in the wanted unit; None when its unit measures something else."""
    target, unit = parse_unit(wanted), parse_unit(found.unit)
    if target is None or unit is None:
        return found.value
    if unit.dimension == target.dimension:
        return _times(found.value, unit.factor / target.factor)
    kelvin = _as_kelvin(found.value, unit)
    if kelvin is not None and _is_temperature(target):
        return _from_kelvin(kelvin, target)
    return _turned(found.value, unit, target)


def _times(value: Value, factor: Fraction) -> Value:
    return value * factor if isinstance(value, Fraction) else value * inexact(factor)


def _turned(value: Value, unit: Unit, target: Unit) -> Value | None:
    """An angle in degrees from radians, or the other way round."""
    dimensions = {unit.dimension, target.dimension}
    if dimensions != {(("angle", 1),), ()}:
        return None
    degrees = _times(inexact(value), _DEGREES_OF_RADIAN)
    if target.dimension:
        return degrees / numbers().pi
    return inexact(value) * numbers().pi / inexact(_DEGREES_OF_RADIAN)


def _is_temperature(unit: Unit) -> bool:
    return len(unit.dimension) == 1 and unit.dimension[0][0] in _TEMPERATURES and unit.dimension[0][1] == 1


def _as_kelvin(value: Value, unit: Unit) -> Value | None:
    if not _is_temperature(unit):
        return None
    match unit.dimension[0][0]:
        case "celsius":
            return value + _like(value, _ZERO_CELSIUS)
        case "fahrenheit":
            return _times(value - _like(value, Fraction(32)), Fraction(5, 9)) + _like(value, _ZERO_CELSIUS)
        case _:
            return _times(value, unit.factor)


def _from_kelvin(kelvin: Value, unit: Unit) -> Value:
    match unit.dimension[0][0]:
        case "celsius":
            return kelvin - _like(kelvin, _ZERO_CELSIUS)
        case "fahrenheit":
            return _times(kelvin - _like(kelvin, _ZERO_CELSIUS), Fraction(9, 5)) + _like(kelvin, Fraction(32))
        case _:
            return _times(kelvin, 1 / unit.factor)


def _like(value: Value, constant: Fraction) -> Value:
    return constant if isinstance(value, Fraction) else inexact(constant)


def _is_near(expected: Value, found: Value, tolerances: tuple[Fraction, Fraction]) -> bool:
    relative, absolute = tolerances
    if isinstance(expected, Fraction) and isinstance(found, Fraction):
        return abs(found - expected) <= max(absolute, relative * abs(expected))
    one, other = inexact(expected), inexact(found)
    tolerance = max(inexact(absolute), inexact(relative) * abs(one), numbers().mpf(10) ** -40 * abs(one))
    return bool(abs(other - one) <= tolerance)


def _shown(value: Value) -> str:
    return str(numbers().nstr(inexact(value), 8))


def _judgement(verdict: Verdict, extracted: str | None, stage: str, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method=f"numeric/{stage}", message=message, milliseconds=0.0
    )
