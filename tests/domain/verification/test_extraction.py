import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.verification.extraction import (
    LONGEST_TEXT,
    explicit_answer,
    has_closed_answer,
)
from openreason_dagster.domain.verification.final_answers import final_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param(r"\boxed{5}", "5", id="box"),
        pytest.param(r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", id="balanced braces"),
        pytest.param(r"\boxed{\{1, 2\}}", r"\{1, 2\}", id="escaped braces"),
        pytest.param(r"\boxed{1} then \boxed{2}", "2", id="last box"),
        pytest.param(r"\boxed{1}, \boxed{2}", "1, 2", id="list of boxes"),
        pytest.param(r"$\boxed{1}$ and $\boxed{2}$", "1, 2", id="boxes joined by and"),
        pytest.param(r"\boxed{3}, and so, \boxed{2}", "2", id="boxes with prose between"),
        pytest.param(r"\boxed{2} or \boxed{2}", "2", id="the same box twice"),
        pytest.param(r"\boxed{\boxed{7}}", "7", id="nested box"),
        pytest.param("\\boxed{7 is it\nand more", "7 is it", id="unclosed box"),
        pytest.param(r"\boxed{}", None, id="empty box"),
        pytest.param(r"\boxed{4} \boxed{}", "4", id="empty last box"),
        pytest.param(r"\fbox{9}", "9", id="fbox"),
        pytest.param(r"\boxed{1}<answer>2</answer>", "1", id="box before tag"),
        pytest.param("<answer>1</answer><answer> 2 </answer>", "2", id="last tag"),
        pytest.param("<answer>1 2\n3 4</answer>", "1 2\n3 4", id="lines in a tag"),
        pytest.param("<answer>42", "42", id="unclosed tag"),
        pytest.param("The answer is 3. I checked 4.", "3", id="sentence"),
        pytest.param("Answer: 3.5", "3.5", id="decimal point is no end"),
        pytest.param("The answer to the question is: Paris", "Paris", id="answer to"),
        pytest.param("**Final answer:** blue", "blue", id="bold"),
        pytest.param("The answer is 1. No, the answer is 2.", "2", id="last phrase"),
        pytest.param("The answer is $x=1$, where $y=2$", "x=1", id="first formula"),
        pytest.param("Nothing here", None, id="nothing"),
    ],
)
def test_explicit_answer(text, answer):
    assert explicit_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param("So $a=1$ and then $b=2$.", "b=2", id="last formula"),
        pytest.param(r"Thus \[ x = 3 \]", "x = 3", id="display formula"),
        pytest.param("We count 12 apples and 30 pears", "30", id="last number"),
        pytest.param("It costs $1,200 in all", "$1,200", id="currency"),
        pytest.param("about -3.5, I think", "-3.5", id="sign and decimals"),
        pytest.param("The answer is 3 because 1 + 2 = 3", "3", id="reason left out"),
        pytest.param("no number", None, id="nothing"),
    ],
)
def test_final_answer(text, answer):
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        pytest.param(r"\boxed{1} and", True, id="closed box"),
        pytest.param(r"\boxed{\frac{1}{2}", False, id="box cut inside"),
        pytest.param("<answer>1</answer>", True, id="closed tag"),
        pytest.param("<answer>1", False, id="open tag"),
        pytest.param("The answer is 4", False, id="phrase"),
        pytest.param("", False, id="empty"),
    ],
)
def test_closed_answer(text, closed):
    assert has_closed_answer(text) is closed


@given(st.text(alphabet=r"\boxed{}<answer>/ $.1,is and:", max_size=200))
def test_any_text_has_an_answer_or_none(text):
    answer = final_answer(text)
    assert answer is None or isinstance(answer, str)


@given(st.text(alphabet=st.characters(exclude_characters="{}\\<", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_boxed_text_comes_back(text):
    found = explicit_answer(f"noise \\boxed{{{text}}} noise")
    assert (found or "").split() == text.split()


@pytest.mark.parametrize(
    "piece",
    [
        r"\boxed{",
        r"\boxed{1} ",
        "{" * 50,
        "<answer>",
        "the answer to ",
        "$",
        r"\[",
        "1,",
        "1 000 ",
        "answer ",
        " \n",
        "answer" + " " * 9000,
    ],
    ids=lambda piece: piece[:12],
)
def test_long_repetitive_text_takes_little_time(piece):
    text = piece * (LONGEST_TEXT // len(piece))
    started = time.process_time()
    final_answer(text)
    has_closed_answer(text)
    assert time.process_time() - started < 2
