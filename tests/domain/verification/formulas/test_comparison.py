import contextlib
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.verification.formulas.comparison import same_answer
from openreason_dagster.domain.verification.formulas.reader import readings
from openreason_dagster.domain.verification.formulas.regions import region, same_region
from openreason_dagster.domain.verification.formulas.tree import UnreadableError

numbers = st.integers(-999, 999)
fractions = st.tuples(st.integers(-99, 99), st.integers(2, 99)).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}")
atoms = st.one_of(numbers.map(str), fractions, st.sampled_from(["x", "y", r"\pi", r"\sqrt{2}", "3x", "e", "n"]))


def combined(inner):
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: f"({p[0]}) + ({p[1]})"),
        pairs.map(lambda p: f"({p[0]}) - ({p[1]})"),
        pairs.map(lambda p: f"({p[0]})({p[1]})"),
        inner.map(lambda p: f"({p})^2"),
        inner.map(lambda p: rf"\sqrt{{({p})^2 + 1}}"),
        inner.map(lambda p: rf"\sin({p})"),
    )


expressions = st.recursive(atoms, combined, max_leaves=5)


def same(reference, answer):
    return any(same_answer(one, other) for one in readings(reference) for other in readings(answer))


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_expression_equals_itself(text):
    assert same(text, text)
    assert same(text, f"({text})")


@settings(max_examples=150, deadline=None)
@given(expressions, st.integers(1, 9))
def test_expression_is_never_the_same_plus_something(text, extra):
    try:
        assert not same(text, f"({text}) + {extra}")
        assert not same(text, rf"({text}) + \frac{{1}}{{10^{{{40 * extra}}}}}")
    except UnreadableError:
        pass


@settings(max_examples=100, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=6, unique=True), st.randoms())
def test_lists_have_no_order_and_tuples_have_one(members, randomness):
    shuffled = list(members)
    randomness.shuffle(shuffled)
    assert same(", ".join(map(str, members)), ", ".join(map(str, shuffled)))
    if len(members) > 1:
        one, other = (f"({', '.join(map(str, order))})" for order in (members, shuffled))
        assert same(one, other) is (members == shuffled)


@settings(max_examples=100, deadline=None)
@given(numbers, st.integers(1, 999), st.booleans(), st.booleans())
def test_interval_equals_its_inequality_and_no_other(low, width, has_low, has_high):
    ends = f"{low}, {low + width}"
    interval = ("[" if has_low else "(") + ends + ("]" if has_high else ")")
    signs = [r"\le" if has_low else "<", r"\le" if has_high else "<"]
    assert same(interval, f"{low} {signs[0]} x {signs[1]} {low + width}")
    other = ("(" if has_low else "[") + ends + ("]" if has_high else ")")
    assert not same(interval, other)


@settings(max_examples=100, deadline=None)
@given(st.fractions(max_denominator=200), st.fractions(max_denominator=200))
def test_numbers_are_equal_only_when_they_are(one, other):
    assume(one != other)
    written = [rf"\frac{{{value.numerator}}}{{{value.denominator}}}" for value in (one, other)]
    assert not same(*written)
    assert same(written[0], f"{one.numerator}/{one.denominator}")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        pytest.param(r"(1, 2) \cup [2, 3]", "(1, 3]", True, id="touching intervals"),
        pytest.param(r"(1, 2) \cup (2, 3)", "(1, 3)", False, id="gap of one point"),
        pytest.param(r"\mathbb{R} \setminus \{0\}", r"x \ne 0", True, id="all but one"),
        pytest.param(r"x > 1 \text{ and } x < 3", "(1, 3)", True, id="two conditions"),
        pytest.param(r"x < 1 \text{ or } x > 3", r"(3, \infty) \cup (-\infty, 1)", True, id="either condition"),
        pytest.param(r"1 \le |x| \le 2", "[-2, -1] \\cup [1, 2]", True, id="absolute value"),
        pytest.param(r"\emptyset", r"\{\}", True, id="empty"),
    ],
)
def test_regions(one, other, is_same):
    [first], [second] = readings(one), readings(other)
    assert same_region(region(first), region(second)) is is_same


@pytest.mark.parametrize("text", ["(2, 1)", "(a, b)", "1, 2", "x^2 < 4", "(1, 2, 3)", "5"])
def test_what_is_no_region(text):
    assert region(readings(text)[0]) is None


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        pytest.param(r"\sqrt{2}", r"\sqrt{2} + 10^{-50}", id="forged sum"),
        pytest.param("x", "\\frac{0}{0}", id="undefined"),
        pytest.param("7", "99999!", id="too large"),
        pytest.param("f(1)", "f(1, 2)", id="unknown function of two"),
    ],
)
def test_what_cannot_be_told_is_not_accepted(reference, answer):
    with contextlib.suppress(UnreadableError):
        assert not same(reference, answer)


def test_values_of_a_reference_are_exact():
    assert same("0.1", "1/10")
    assert same(str(Fraction(1, 7)), "0.142857142857")
    assert not same("1/7", "0.142857142858")
