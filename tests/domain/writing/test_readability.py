"""Measures of readability on texts made to fool them."""

import polars as pl
import pytest

from openreason_dagster.domain.writing.readability import (
    has_code_block,
    longest_paragraph,
    markdown_in,
    repeated_shares,
    unknown_numbers,
)

LOOP = "wait I have to look at this again from the start "


def repeated(text):
    return repeated_shares(pl.Series([text]))[0]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        pytest.param("", 0, 0, id="empty"),
        pytest.param("one two three", 0, 0, id="shorter-than-a-run"),
        pytest.param(LOOP * 10, 0.85, 1, id="loop"),
        pytest.param("我再从头看一遍这个题目的条件，" * 8, 0.8, 1, id="loop-without-spaces"),
        pytest.param("Let me check. 3+4=7. " * 2, 0, 0.5, id="short-phrases-come-back"),
        pytest.param(" ".join(f"Step {n}: I add {n} and get {n * n}." for n in range(50)), 0, 0, id="same-form"),
        pytest.param(LOOP + " ".join(f"word{n}" for n in range(78)) + " " + LOOP, 0.1, 0.12, id="said-twice"),
    ],
)
def test_repeated_share(text, low, high):
    assert low <= repeated(text) <= high


@pytest.mark.parametrize(
    ("text", "paragraph", "code"),
    [
        pytest.param("ab\n\nabcd\n\nabc", 4, False, id="by-empty-lines"),
        pytest.param("abc\ndef", 7, False, id="a-line-break-ends-nothing"),
        pytest.param("abc\n \t\nde", 3, False, id="blank-line-with-spaces"),
        pytest.param("so\n```python\nx=1\n```", 20, True, id="fence"),
        pytest.param("use `x` and ``y``", 17, False, id="code-spans-are-no-block"),
        pytest.param("  ~~~\nx\n~~~", 11, True, id="tildes"),
    ],
)
def test_paragraphs_and_code(text, paragraph, code):
    row = pl.DataFrame({"t": [text]}).select(p=longest_paragraph(pl.col("t")), c=has_code_block(pl.col("t")))
    assert row.row(0) == (paragraph, code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Plan", "#"),
        ("First\n1. do this", "1. d"),
        ("| a | b |", "| a | b |"),
        ("It is **bold** here", "**bold**"),
        ("2*3*4 = 24 and 5 - 3 = 2", None),
        ("I think: 1.5 is enough. #1 it is", None),
    ],
)
def test_markdown(text, expected):
    assert markdown_in(text) == expected


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("It is 12.", "3*4=12", []),
        ("It is 13.", "3*4=12", ["13"]),
        ("It costs 1,000 or 2.50", "1000 and 2.5", []),
        ("1. I add.\n2) I get 7.\n(3) Done", "so 7", []),
        ("The pair is 3 and 4", "(3,4)", []),
        ("\\boxed{3/4}", "3/4", []),
        ("12 and 12 and 9", "", ["12", "9"]),
    ],
)
def test_unknown_numbers(text, known, expected):
    assert unknown_numbers(text, known) == expected
