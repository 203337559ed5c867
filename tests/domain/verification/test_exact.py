import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import exact


@pytest.mark.parametrize(
    ("reference", "spec", "answer"),
    [
        pytest.param("Paris", {}, "Paris", id="whole answer"),
        pytest.param("Paris", {}, "The answer is Paris.", id="phrase"),
        pytest.param("Paris", {}, r"\boxed{\text{paris}}", id="box with text"),
        pytest.param("Paris", {}, "<answer> PARIS </answer>", id="tag"),
        pytest.param("Ann, Bob", {}, "<answer>Ann,Bob</answer>", id="spaces after commas"),
        pytest.param("New York", {"aliases": ["NYC"]}, "<answer>nyc</answer>", id="alias"),
        pytest.param("café", {}, "<answer>cafe\u0301</answer>", id="composed and decomposed accents"),
        pytest.param("5 − 3", {}, "<answer>5 - 3</answer>", id="Unicode minus"),
    ],
)
def test_same_text_is_correct(reference, spec, answer):
    assert exact.judge(reference, spec, answer).verdict is Verdict.CORRECT


@pytest.mark.parametrize(
    ("reference", "spec", "answer"),
    [
        pytest.param("Paris", {}, "<answer>London</answer>", id="other text"),
        pytest.param("Paris", {}, "<answer>Paris or London</answer>", id="hedge"),
        pytest.param("Paris", {}, "<answer>Paris, Texas</answer>", id="contains the reference"),
        pytest.param("New York", {"aliases": ["NYC"]}, "<answer>NY</answer>", id="part of an alias"),
        pytest.param("-3", {}, "<answer>3</answer>", id="sign"),
    ],
)
def test_other_text_is_incorrect(reference, spec, answer):
    assert exact.judge(reference, spec, answer).verdict is Verdict.INCORRECT


def test_no_text_is_no_answer():
    assert exact.judge("Paris", {}, "  ").verdict is Verdict.NO_ANSWER


@pytest.mark.parametrize(
    ("reference", "spec"),
    [pytest.param(" ", {}, id="empty reference"), pytest.param("Paris", {"aliases": "NYC"}, id="aliases as a text")],
)
def test_reference_that_cannot_be_met_is_a_bad_reference(reference, spec):
    assert exact.judge(reference, spec, "Paris").verdict is Verdict.BAD_REFERENCE
