from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.verification.polynomial import parse_polynomial

X2, XY, ONE = frozenset({("x", 2)}), frozenset({("x", 1), ("y", 1)}), frozenset()


@pytest.mark.parametrize(
    ("text", "polynomial"),
    [
        pytest.param("3*x**2 - x*y + 5", {X2: 3, XY: -1, ONE: 5}, id="terms"),
        pytest.param("3x^2−yx", {X2: 3, XY: -1}, id="signs of print"),
        pytest.param("x**2/4 + 1/2*x**2", {X2: Fraction(3, 4)}, id="fractions"),
        pytest.param("x*x - x**2 + 0", {}, id="nothing left"),
        pytest.param("$ -2 $", {ONE: -2}, id="number"),
    ],
)
def test_coefficients(text, polynomial):
    assert parse_polynomial(text) == polynomial


@pytest.mark.parametrize(
    "text",
    ["", "+", "x +", "--x", "(x)", "sin(x)", "2**3", "x/y", "1/0", "1 2", "x**y", "x**-1", "x;y", "*x", "x" * 6000],
)
def test_what_is_no_polynomial(text):
    assert parse_polynomial(text) is None


TERMS = st.dictionaries(st.integers(0, 9), st.integers(-99, 99).filter(bool), max_size=5)


@given(TERMS)
def test_written_terms_are_read_back(terms):
    text = " + ".join(f"{value}*x**{power}" for power, value in terms.items()).replace("+ -", "- ") or "0"
    expected = {frozenset({("x", power)} if power else ()): value for power, value in terms.items()}
    assert parse_polynomial(text) == expected


@given(st.text(alphabet="0123456789xy+-*/^ ", max_size=40))
def test_any_text_is_read_or_refused(text):
    parse_polynomial(text)
