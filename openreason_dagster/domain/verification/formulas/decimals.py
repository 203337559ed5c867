"""Decimals that repeat."""

from fractions import Fraction

from openreason_dagster.domain.verification.formulas.tree import Number, UnreadableError


def with_repetend(text: str, repetend: str) -> Number:
    """The number of ``text`` with digits that repeat behind it for ever.

    Raises:
        UnreadableError: they are no digits.
    """
    fixed = text.partition(".")[2]
    if not repetend.isdigit():
        raise UnreadableError(f"{repetend!r} does not repeat")
    tail = Fraction(int(repetend), (10 ** len(repetend) - 1) * 10 ** len(fixed))
    return Number(Fraction(text.rstrip(".")) + tail)


def repeating(text: str) -> Number:
    """The number whose decimals go on as they began: `0.333…` is a third.

    Raises:
        UnreadableError: they do not repeat.
    """
    whole, _, digits = text.partition(".")
    for length in range(1, len(digits) // 2 + 1):
        repetend = digits[-length:]
        times = 1
        while digits.endswith(repetend * (times + 1)):
            times += 1
        if times * length >= 3 and times >= 2:
            fixed = digits[: len(digits) - times * length]
            return with_repetend(f"{whole or '0'}.{fixed}", repetend)
    raise UnreadableError("the decimals do not repeat")
