from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.verification.arithmetic_expression import parse_arithmetic


@pytest.mark.parametrize(
    ("text", "value", "numbers"),
    [
        pytest.param("1 + 2 * 3", Fraction(7), (1, 2, 3), id="precedence"),
        pytest.param("8 / 4 / 2", Fraction(1), (8, 4, 2), id="from the left"),
        pytest.param("(1 + 2) * -3", Fraction(-9), (1, 2, 3), id="parentheses and sign"),
        pytest.param("1/3", Fraction(1, 3), (1, 3), id="exact"),
        pytest.param(r"$7 \times 3 − 6 ÷ 2.$", Fraction(18), (7, 3, 6, 2), id="signs of print"),
        pytest.param("--3", Fraction(3), (3,), id="two signs"),
    ],
)
def test_value(text, value, numbers):
    found = parse_arithmetic(text)
    assert (found.value, found.numbers) == (value, numbers)


@pytest.mark.parametrize(
    "text",
    ["", "()", "1 +", "1 2", "(1", "1)", "1/0", "2**3", "1e9", "0x1", "a", "f(1)", "1.5", "1,000", "9" * 16,
     "1+" * 200 + "1", "(" * 299 + "1", "__import__('os')"],
)  # fmt: skip
def test_what_is_no_expression(text):
    assert parse_arithmetic(text) is None


def test_deep_parentheses_do_not_exhaust_the_stack():
    assert parse_arithmetic("(" * 149 + "1" + ")" * 149).value == 1


EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_agrees_with_python(expression):
    assert parse_arithmetic(expression).value == eval(expression)


@given(st.text(alphabet="0123456789+-*/() ", max_size=40))
def test_any_text_is_read_or_refused(text):
    parse_arithmetic(text)
