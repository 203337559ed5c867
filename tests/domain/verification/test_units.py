from fractions import Fraction

import pytest

from openreason_dagster.domain.verification.units import is_unit_word, parse_unit


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("m/s", r"$\mathrm{~m} / \mathrm{s}$", id="LaTeX"),
        pytest.param("m/s", "m s^-1", id="negative power"),
        pytest.param("m/s", "meters per second", id="words"),
        pytest.param("m^2", "square meters", id="square before"),
        pytest.param("m^2", "meters squared", id="squared behind"),
        pytest.param("cm^3", "cubic centimeters", id="cubic with a prefix"),
        pytest.param("J/(mol K)", r"$\mathrm{J} \mathrm{K}^{-1} \mathrm{~mol}^{-1}$", id="quotient in brackets"),
        pytest.param("N*m", "J", id="derived unit"),
        pytest.param("μm", r"$\mu \mathrm{m}$", id="micro"),
        pytest.param("mile/hour", "mph", id="one word for a quotient"),
        pytest.param("inches", "in", id="plural"),
        pytest.param("°", r"^\circ", id="degree sign"),
        pytest.param("km", "kilometres", id="spelling of the prefix"),
    ],
)
def test_spellings_of_one_unit(one, other):
    assert parse_unit(one) == parse_unit(other) is not None


@pytest.mark.parametrize(
    ("unit", "base", "factor"),
    [
        pytest.param("km/h", "m/s", Fraction(5, 18), id="speed"),
        pytest.param("kJ", "J", 1000, id="prefix"),
        pytest.param("ms", "s", Fraction(1, 1000), id="milli, not metre second"),
        pytest.param("min", "s", 60, id="minute, not milli-inch"),
        pytest.param("ft", "m", Fraction(3048, 10000), id="foot"),
        pytest.param("10^-19 J", "J", Fraction(1, 10**19), id="power of ten"),
    ],
)
def test_conversion(unit, base, factor):
    one, other = parse_unit(unit), parse_unit(base)
    assert one.dimension == other.dimension
    assert one.factor / other.factor == factor


@pytest.mark.parametrize("text", ["", "apples", "5 m", "m/apple", "square", "x" * 200, "m^99", "(", "\\text{}", "1/"])
def test_what_is_no_unit(text):
    assert parse_unit(text) is None


def test_words():
    assert is_unit_word("cm")
    assert is_unit_word("Hours")
    assert not is_unit_word("xy")
