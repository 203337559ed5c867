"""What counts as a word of prose."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.rewards.prose import clauses


def words(text: str) -> list[str]:
    return [word for clause in clauses(text) for run in clause.words.values() for word in run]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("8+4+0=12 9+5+1=15 so 98+54=152", ["so"], id="digits and signs"),
        pytest.param("let $x + foo^2$ be", ["let", "be"], id="inline formula"),
        pytest.param("It costs $5 and then $6 more", ["It", "costs", "and", "then", "more"], id="prices"),
        pytest.param("so $$\nalpha\n$$ ends", ["so", "ends"], id="display formula"),
        pytest.param(r"so \(alpha\) and \[beta\] end", ["so", "and", "end"], id="LaTeX brackets"),
        pytest.param(r"get \boxed{\text{apples}} now", ["get", "now"], id="nested commands"),
        pytest.param(r"by \begin{align*}sum\\ of\end{align*} done", ["by", "done"], id="environment"),
        pytest.param("run `print(total)` now", ["run", "now"], id="code span"),
        pytest.param("so\n```python\nfor apple in basket:\n```\ndone", ["so", "done"], id="code block"),
        pytest.param("so\n```python\nfor apple in basket", ["so"], id="code block cut off"),
        pytest.param("see https://example.org/some/words or www.example.org now", ["see", "or", "now"], id="addresses"),
        pytest.param("ask some.body@example.org now", ["ask", "now"], id="mail address"),
        pytest.param("x1 2nd foo_bar H2O a x word", ["word"], id="identifiers and lone letters"),
        pytest.param("the GCD of NASA", ["the", "of"], id="abbreviations"),
        pytest.param("don't l’eau", ["don't", "l’eau"], id="apostrophes"),
        pytest.param("有3个苹果", ["有", "个", "苹", "果"], id="Han characters are words"),
        pytest.param("コーヒー三杯です", ["コーヒー", "です", "三", "杯"], id="kana runs are words"),
        pytest.param("나는 사과를", ["나는", "사과를"], id="Hangul runs are words"),
        pytest.param("я и ты", ["я", "и", "ты"], id="Cyrillic words of one letter"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "unit", [r"\(", r"\[", "$$", "$x", "`", "``", r"\begin{a}", r"\a{", "a", "a.", "@", "~~~", "http", "{", "中"]
)
def test_a_loop_of_openers_costs_little_time(unit: str) -> None:
    started = time.process_time()
    list(clauses(unit * (60_000 // len(unit))))
    assert time.process_time() - started < 5


@given(st.text())
def test_any_text_has_words_of_letters_only(text: str) -> None:
    assert all(word and not any(letter.isdigit() for letter in word) for word in words(text))
