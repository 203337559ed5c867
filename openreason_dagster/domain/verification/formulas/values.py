"""What an expression is worth once its variables have values."""

import hashlib
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Literal, TypeAlias

from openreason_dagster.domain.verification.formulas.arithmetic import (
    LARGEST_BITS,
    OPERATIONS,
    UndefinedError,
    Value,
    inexact,
    numbers,
)
from openreason_dagster.domain.verification.formulas.tree import Node, Number, Operation, Symbol, UnreadableError

SAME_DIGITS = 40
"""Two inexact values are the same when they agree to so many digits."""

MOST_WORK = 5_000
"""Work allowed for one expression at one point, in squares of thousands of bits; a few milliseconds."""

Field: TypeAlias = Literal["real", "complex"]


def same_value(one: Value, other: Value) -> bool:
    """Whether two values are equal; inexact ones to `SAME_DIGITS` digits, and only zero is equal to zero."""
    if _is_plain(one) and _is_plain(other):
        return bool(one == other)
    if isinstance(one, float) or isinstance(other, float):
        return False
    context = numbers()
    a, b = inexact(one), inexact(other)
    return bool(abs(a - b) <= context.mpf(10) ** -SAME_DIGITS * max(abs(a), abs(b)))


def _is_plain(value: Value) -> bool:
    return isinstance(value, Fraction | float)


def evaluated(node: Node, values: Callable[[str], Value], field: Field) -> Value:
    """The value of an expression whose variables have the given values.

    Raises:
        UndefinedError: it has none there, such as a division by zero or the root of a negative number among the reals.
        UnreadableError: it is no expression, or too large to work out.
    """
    return Evaluation(values, field).of(node)


class Evaluation:
    """Works out expressions at one point."""

    def __init__(self, values: Callable[[str], Value], field: Field) -> None:
        self.values = values
        self.field = field
        self.work = 0

    def of(self, node: Node) -> Value:
        """The value of a node."""
        match node:
            case Number(value=value):
                return value
            case Symbol(name=name):
                return self.constant(name)
            case Operation(name=name, arguments=arguments):
                worked_out = [self.of(argument) for argument in arguments]
                if any(isinstance(value, float) for value in worked_out) and name != "-":
                    raise UnreadableError("infinity is no number to calculate with")
                return self.applied(name, worked_out)
            case _:
                raise UnreadableError(f"{type(node).__name__} is no expression")

    def constant(self, name: str) -> Value:
        """The value of a constant or a variable."""
        context = numbers()
        match name:
            case "π":
                return +context.pi
            case "e":
                return +context.e
            case "i":
                return context.mpc(0, 1)
            case "∞":
                return math.inf
            case _:
                return self.values(name)

    def applied(self, name: str, arguments: list[Value]) -> Value:
        """The value of an operation."""
        if name.startswith("call:"):
            return _arbitrary(name, arguments)
        operation = OPERATIONS.get(name)
        if operation is None:
            raise UnreadableError(f"{name} is not worked out")
        value = operation(*arguments)
        if isinstance(value, Fraction):
            self.count(max(value.numerator.bit_length(), value.denominator.bit_length()))
        if self.field == "real" and hasattr(value, "imag") and value.imag != 0 and not _has_imaginary(arguments):
            raise UndefinedError("no real number")
        return value

    def count(self, bits: int) -> None:
        """Count the work of a number of that size."""
        self.work += (bits // 1000) ** 2
        if bits > LARGEST_BITS or self.work > MOST_WORK:
            raise UnreadableError("the numbers are too large")


def _has_imaginary(arguments: list[Value]) -> bool:
    return any(not isinstance(value, Fraction | float) and value.imag != 0 for value in arguments)


def _arbitrary(name: str, arguments: list[Value]) -> Value:
    """A value that depends on the name of an unknown function and on its arguments, and on nothing else."""
    shown = "/".join(numbers().nstr(inexact(argument), SAME_DIGITS) for argument in arguments)
    return Fraction(int.from_bytes(hashlib.blake2b(f"{name}({shown})".encode(), digest_size=3).digest()) + 1, 1 << 20)
