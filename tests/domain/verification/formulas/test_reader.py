import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.verification.formulas.reader import readings
from openreason_dagster.domain.verification.formulas.spelling import compact, respelled
from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Matrix,
    Measured,
    Number,
    Operation,
    Relation,
    Several,
    Symbol,
    Words,
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("42", Number, id="number"),
        pytest.param("1,234", Number, id="thousands"),
        pytest.param("x_{12}", Symbol, id="index"),
        pytest.param("f''", Symbol, id="primes"),
        pytest.param(r"2\frac12", Operation, id="mixed number"),
        pytest.param(r"15\mbox{ cm}^2", Measured, id="unit with a power"),
        pytest.param(r"\text{east}", Words, id="words"),
        pytest.param("(1, 2]", Bracketed, id="interval"),
        pytest.param(r"\{1, 2\}", Bracketed, id="set"),
        pytest.param("1, 2 and 3", Several, id="list"),
        pytest.param(r"x \le 2", Relation, id="inequality"),
        pytest.param(r"\{x \mid x > 3\}", Relation, id="set by a condition"),
        pytest.param(r"\left[\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}\right]", Matrix, id="matrix"),
    ],
)
def test_kind_of_answer(text, kind):
    assert isinstance(readings(text)[0], kind)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("2 3", id="two numbers"),
        pytest.param(r"\frac{1}{", id="cut"),
        pytest.param("(1", id="open bracket"),
        pytest.param("1)", id="closing bracket"),
        pytest.param("(1]", id="brackets that differ around one value"),
        pytest.param(r"\sum_{k=1}^n k", id="sum"),
        pytest.param(r"\unknown{x}", id="unknown command"),
        pytest.param("1 + ", id="operator without a side"),
        pytest.param("().__class__.__base__", id="attributes"),
        pytest.param("__import__('os')", id="import"),
        pytest.param("(lambda: 42)()", id="lambda"),
        pytest.param("9^{9^{9^9}}", id="tower"),
        pytest.param("(" * 70 + "1" + ")" * 70, id="nesting"),
        pytest.param("+".join("x" * 900), id="length"),
    ],
)
def test_what_is_not_read(text):
    assert readings(text) == ()


def test_ambiguous_commas_have_two_readings():
    number, several = readings("100,200")
    assert isinstance(number, Number)
    assert isinstance(several, Several)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("½", r"\frac{1}{2}", id="vulgar fraction"),
        pytest.param("−3", "-3", id="minus"),
        pytest.param("x²", "x^{2}", id="superscript"),
        pytest.param("3 × 4", r"3 \times 4", id="times"),
        pytest.param(r"\left( 1, 2 \right)", "(1, 2)", id="size of brackets"),
        pytest.param(r"\dfrac{1}{2}", r"\frac{1}{2}", id="size of fractions"),
        pytest.param(r"12{,}345", "12345", id="braced comma"),
        pytest.param("**7**", "7", id="bold"),
        pytest.param(r"7\,.", "7", id="full stop"),
        pytest.param(r"\\frac{1}{2}", r"\frac{1}{2}", id="doubled backslash"),
    ],
)
def test_one_spelling(one, other):
    assert compact(one) == compact(other)


def test_spaces_between_digits_are_kept():
    assert compact("2 1/2") != compact("21/2")
    assert compact("1 2") != compact("12")


PIECES = [
    "\\frac", "{", "}", "(", ")", "[", "]", "^", "_", "\\sqrt", "!", "|", "\\{", "\\}", ",", "and", "or", "=", "<",
    "\\cup", "\\pm", "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "\\text{", "%", "°", "x", "12", "99999",
    "\\sin",
    "\\log_", "\\infty", "\\overline", "…", "$", "\\binom", "⌊", "f(", "e", "i", "π", "½", "²", "−", "'", "\\pmod",
    "1,000", ":", "/", "*", "-", "+", " ", "^{", "\\gcd(", "\\max(", "\\mathrm{",
]  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_reading_never_fails_and_reads_the_same_again(text):
    assert readings(text) == readings(text)
    assert respelled(respelled(text)) is not None
