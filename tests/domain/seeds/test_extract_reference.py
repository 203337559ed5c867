import time

import pytest

from openreason_dagster.domain.recipe_columns import AnswerExtraction
from openreason_dagster.domain.seeds.extract_reference import extract_reference

WHOLE = AnswerExtraction()
MARKER = AnswerExtraction(rule="after_marker", marker="####")
BOXED = AnswerExtraction(rule="last_boxed")


@pytest.mark.parametrize(
    ("text", "extraction", "expected"),
    [
        pytest.param("  42\n", WHOLE, "42", id="whole-is-stripped"),
        pytest.param(" \n", WHOLE, None, id="whole-but-blank"),
        pytest.param("2+2=4\n#### 4", MARKER, "4", id="gsm8k"),
        pytest.param("#### 1\nno: #### 1,234 \n", MARKER, "1,234", id="last-marker-counts"),
        pytest.param("the answer is 4", MARKER, None, id="marker-absent-is-not-the-whole-text"),
        pytest.param("4 ####", MARKER, None, id="nothing-after-marker"),
        pytest.param(r"so \boxed{7}.", BOXED, "7", id="boxed"),
        pytest.param(r"\boxed{1} then \boxed{2}", BOXED, "2", id="last-box-counts"),
        pytest.param(r"\boxed{\frac{1}{\sqrt{2}}}", BOXED, r"\frac{1}{\sqrt{2}}", id="nested-braces"),
        pytest.param(r"\boxed{\left\{ 1, 2 \right.}", BOXED, r"\left\{ 1, 2 \right.", id="escaped-brace"),
        pytest.param(r"\boxed{3} and \boxed{4", BOXED, "3", id="unclosed-box-falls-back-to-the-closed-one"),
        pytest.param(r"\boxed{a \boxed{4", BOXED, None, id="no-box-closes"),
        pytest.param(r"\boxed{ }", BOXED, None, id="empty-box"),
        pytest.param("7", BOXED, None, id="no-box"),
    ],
)
def test_extracts(text: str, extraction: AnswerExtraction, expected: str | None) -> None:
    assert extract_reference(text, extraction) == expected


def test_many_unclosed_boxes_cost_linear_time() -> None:
    started = time.process_time()
    assert extract_reference("\\boxed{" * 50_000, BOXED) is None
    assert time.process_time() - started < 5
