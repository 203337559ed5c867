"""The value of an arithmetic expression of whole numbers, without evaluating text.

Whole numbers, `+ - * /`, parentheses and signs; nothing else is read, so that no answer can make the reader do anything
but arithmetic.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

LONGEST_EXPRESSION = 300
"""Characters; bounds the depth of parentheses and the size of every number in between."""
LONGEST_NUMBER = 15
_TOKEN = re.compile(rf"\s*(?:([0-9]{{1,{LONGEST_NUMBER}}})|([-+*/()]))")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})


@dataclass(frozen=True)
class Arithmetic:
    """What an expression comes to, and the numbers it is made of, in order."""

    value: Fraction
    numbers: tuple[int, ...]


def parse_arithmetic(text: str) -> Arithmetic | None:
    """Read a whole text as one expression; None where it is none, divides by zero, or is too long."""
    text = text.replace("\\times", "*").replace("\\div", "/").replace("\\cdot", "*").translate(_SIGNS).strip(" $.")
    tokens: list[str] = []
    position = 0
    while position < len(text) <= LONGEST_EXPRESSION and (match := _TOKEN.match(text, position)):
        tokens.append(match.group(1) or match.group(2))
        position = match.end()
    if not tokens or position < len(text):
        return None
    try:
        return Arithmetic(_Reader(tokens).whole(), tuple(int(token) for token in tokens if token.isdigit()))
    except (_NotArithmeticError, ZeroDivisionError):
        return None


class _NotArithmeticError(Exception):
    """The tokens are no expression."""


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0

    def whole(self) -> Fraction:
        value = self._sum()
        if self._next() is not None:
            raise _NotArithmeticError
        return value

    def _next(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _take(self) -> str:
        token = self._next()
        if token is None:
            raise _NotArithmeticError
        self._position += 1
        return token

    def _sum(self) -> Fraction:
        value = self._product()
        while self._next() in ("+", "-"):
            value = value + self._product() if self._take() == "+" else value - self._product()
        return value

    def _product(self) -> Fraction:
        value = self._factor()
        while self._next() in ("*", "/"):
            value = value * self._factor() if self._take() == "*" else value / self._factor()
        return value

    def _factor(self) -> Fraction:
        part = self._take()
        sign = 1
        while part in ("+", "-"):
            sign = -sign if part == "-" else sign
            part = self._take()
        if part.isdigit():
            return sign * Fraction(int(part))
        if part != "(":
            raise _NotArithmeticError
        value = self._sum()
        if self._take() != ")":
            raise _NotArithmeticError
        return sign * value
