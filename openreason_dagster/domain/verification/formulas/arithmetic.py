"""The arithmetic of answers: exact for rational numbers, to 80 digits for the rest, and bounded in size."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

from openreason_dagster.domain.verification.formulas.tree import UnreadableError

DIGITS = 80
LARGEST_BITS = 50_000
LARGEST_FACTORIAL = 3_000
_CANCELLED, _DOUBTFUL = 60, 30
"""A sum smaller than its terms by 60 digits is zero; one smaller by 30 is neither zero nor well known."""

Context: TypeAlias = Any
"""An arithmetic of mpmath."""
Value: TypeAlias = Any
"""A Fraction, an infinity as a float, or a real or complex number of mpmath."""


class UndefinedError(ArithmeticError):
    """The expression has no value in the field at this point."""


@lru_cache(maxsize=1)
def numbers() -> Context:
    """The arithmetic of inexact numbers, apart from anybody else's settings of precision."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = DIGITS
    return context


def inexact(value: Value) -> Value:
    """The value as a number of mpmath."""
    if isinstance(value, Fraction):
        return numbers().mpf(value.numerator) / value.denominator
    return value


def _sum(one: Value, other: Value) -> Value:
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one + other
    a, b = inexact(one), inexact(other)
    if a == 0 or b == 0:
        return a + b
    larger, total = max(abs(a), abs(b)), a + b
    ratio = min(abs(total), abs(a), abs(b)) / larger
    if abs(total) <= larger * numbers().mpf(10) ** -_CANCELLED:
        return Fraction(0)
    if ratio < numbers().mpf(10) ** -_DOUBTFUL:
        raise UnreadableError("a sum of terms of very different size")
    return total


def _product(one: Value, other: Value) -> Value:
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one * other
    return inexact(one) * inexact(other)


def _quotient(one: Value, other: Value) -> Value:
    if other == 0:
        raise UndefinedError("division by zero")
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one / other
    return inexact(one) / inexact(other)


def _ratio(*terms: Value) -> Value:
    if len(terms) != 2:
        raise UnreadableError("a ratio of several terms is no number")
    return _quotient(*terms)


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        return _whole_power(base, int(exponent))
    if base == 0:
        raise UndefinedError("a power of zero")
    if isinstance(base, Fraction) and base < 0 and isinstance(exponent, Fraction) and exponent.denominator % 2:
        size = numbers().power(inexact(-base), inexact(exponent))
        return -size if exponent.numerator % 2 else size
    a, b = inexact(base), inexact(exponent)
    if abs(b) * abs(numbers().log(abs(a))) > LARGEST_BITS:
        raise UnreadableError("the power is too large")
    return numbers().power(a, b)


def _whole_power(base: Value, exponent: int) -> Value:
    if base == 0 and exponent <= 0:
        raise UndefinedError("a power of zero")
    if isinstance(base, Fraction):
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(base) != 1 and bits * abs(exponent) > LARGEST_BITS:
            raise UnreadableError("the power is too large")
        return base ** (exponent if abs(base) != 1 else exponent % 2)
    if abs(exponent) > LARGEST_BITS:
        raise UnreadableError("the power is too large")
    return base**exponent


def _root(value: Value, degree: Value) -> Value:
    if isinstance(value, Fraction) and isinstance(degree, Fraction) and degree == 2 and value >= 0:
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above * above == value.numerator and below * below == value.denominator:
            return Fraction(above, below)
    if value == 0:
        return Fraction(0)
    return _power(value, _quotient(Fraction(1), degree))


def _factorial(value: Value) -> Value:
    if isinstance(value, Fraction) and value.denominator == 1:
        if not 0 <= value <= LARGEST_FACTORIAL:
            raise UnreadableError("a factorial out of bounds")
        return Fraction(math.factorial(int(value)))
    if abs(inexact(value)) > LARGEST_FACTORIAL:
        raise UnreadableError("a factorial out of bounds")
    return numbers().gamma(inexact(value) + 1)


def _binomial(above: Value, below: Value) -> Value:
    if isinstance(above, Fraction) and isinstance(below, Fraction) and above.denominator == below.denominator == 1:
        if abs(above) > 100_000 or not 0 <= below <= 10_000:
            raise UnreadableError("a binomial out of bounds")
        return Fraction(math.comb(int(above), int(below))) if above >= 0 else Fraction(0)
    return numbers().binomial(inexact(above), inexact(below))


def _rounded(value: Value, function: Callable[[Any], int]) -> Value:
    if isinstance(value, Fraction):
        return Fraction(function(value))
    if value.imag != 0:
        raise UndefinedError("no order among complex numbers")
    nearest = numbers().nint(value)
    if abs(value - nearest) < numbers().mpf(10) ** -_DOUBTFUL:
        return Fraction(int(nearest))
    return Fraction(int(numbers().floor(value) if function is math.floor else numbers().ceil(value)))


def _logarithm(value: Value, base: Value | None = None) -> Value:
    if value == 0 or (base is not None and base in (0, 1)):
        raise UndefinedError("a logarithm of zero")
    if value == 1:
        return Fraction(0)
    logarithm = numbers().log(inexact(value))
    return logarithm if base is None else logarithm / numbers().log(inexact(base))


def _over(function: str) -> Callable[[Value], Value]:
    """One divided by a trigonometric function."""
    return lambda value: _quotient(Fraction(1), _called(function)(value))


def _called(function: str) -> Callable[[Value], Value]:
    """A function of mpmath; a result that is zero but for the last digits is zero."""

    def call(value: Value) -> Value:
        argument = inexact(value)
        if abs(argument) > LARGEST_BITS:
            raise UnreadableError("the argument is too large")
        result = getattr(numbers(), function)(argument)
        if abs(result) < numbers().mpf(10) ** -_CANCELLED:
            return Fraction(0)
        return result

    return call


def _tangent(above: str, below: str) -> Callable[[Value], Value]:
    return lambda value: _quotient(_called(above)(value), _called(below)(value))


def _whole(function: Callable[..., int]) -> Callable[..., Value]:
    def call(*values: Value) -> Value:
        if not all(isinstance(value, Fraction) and value.denominator == 1 for value in values):
            raise UnreadableError("no whole numbers")
        return Fraction(function(*(int(value) for value in values)))

    return call


def _extreme(function: Callable[[list[Value]], Value]) -> Callable[..., Value]:
    return lambda *values: function(list(values))


OPERATIONS: dict[str, Callable[..., Value]] = {
    "+": _sum,
    "-": lambda value: -value,
    "*": _product,
    "/": _quotient,
    "frac": _quotient,
    "ratio": _ratio,
    "mixed": _sum,
    "^": _power,
    "root": _root,
    "cbrt": lambda value: _root(value, Fraction(3)),
    "!": _factorial,
    "binom": _binomial,
    "abs": abs,
    "floor": lambda value: _rounded(value, math.floor),
    "ceil": lambda value: _rounded(value, math.ceil),
    "°": lambda value: _product(value, numbers().pi / 180),
    "%": lambda value: _quotient(value, Fraction(100)),
    "exp": lambda value: _power(+numbers().e, value),
    "ln": _logarithm,
    "log": _logarithm,
    "log10": lambda value: _logarithm(value, Fraction(10)),
    "log_base": _logarithm,
    "sin": _called("sin"),
    "cos": _called("cos"),
    "tan": _tangent("sin", "cos"),
    "cot": _tangent("cos", "sin"),
    "sec": _over("cos"),
    "csc": _over("sin"),
    "sinh": _called("sinh"),
    "cosh": _called("cosh"),
    "tanh": _called("tanh"),
    "asin": _called("asin"),
    "acos": _called("acos"),
    "atan": _called("atan"),
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "max": _extreme(max),
    "min": _extreme(min),
}
