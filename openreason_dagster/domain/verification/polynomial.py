"""Polynomials with rational coefficients, read from text that says them term by term, without evaluating it.

A term is a product of numbers and powers of variables: `-3*x**2*y/4`, `3x^2`. Parentheses and functions are not read.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from fractions import Fraction

LONGEST_POLYNOMIAL = 5_000
"""Characters."""
Monomial = frozenset[tuple[str, int]]
"""Variables with their exponents."""
Polynomial = Mapping[Monomial, Fraction]

_SPACES = re.compile(r"\s+")
_PARTED = re.compile(r"\w\s+\w")
_TERM = re.compile(r"[+-]?[^+-]+")
_FACTOR = re.compile(r"([*/]?)(?:(\d{1,40})|([A-Za-z])(?:\*\*(\d{1,4}))?)")


def parse_polynomial(text: str) -> Polynomial | None:
    """Coefficients by monomial, zero ones left out; None where the text is no such polynomial."""
    if _PARTED.search(text):
        return None
    text = _SPACES.sub("", text.strip(" $.")).replace("−", "-").replace("^", "**").replace("·", "*")
    terms = _TERM.findall(text) if len(text) <= LONGEST_POLYNOMIAL else []
    if not terms or "".join(terms) != text:
        return None
    total: defaultdict[Monomial, Fraction] = defaultdict(Fraction)
    for term in terms:
        parsed = _term(term)
        if parsed is None:
            return None
        total[parsed[0]] += parsed[1]
    return {monomial: coefficient for monomial, coefficient in total.items() if coefficient}


def _term(term: str) -> tuple[Monomial, Fraction] | None:
    """Monomial and coefficient of one signed term."""
    body = term.lstrip("+-")
    coefficient = Fraction(-1 if term.startswith("-") else 1)
    exponents: Counter[str] = Counter()
    position = 0
    while match := _FACTOR.match(body, position):
        operator, number, variable, exponent = match.groups()
        is_divisor = operator == "/"
        if (position == 0) == bool(operator) and (position == 0 or not variable):
            return None
        if is_divisor and (variable or not int(number)):
            return None
        if number:
            coefficient = coefficient / int(number) if is_divisor else coefficient * int(number)
        else:
            exponents[variable] += int(exponent or 1)
        position = match.end()
    if not body or position < len(body):
        return None
    return frozenset((name, power) for name, power in exponents.items() if power), coefficient
