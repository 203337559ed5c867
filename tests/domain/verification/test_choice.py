import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import choice, registry

SPEC = {"choices": {"A": "dry palms", "B": "wet palms", "C": "palms covered with oil", "D": "$x^2 + B$"}}

CORRECT = [
    ("A", r"\boxed{A}", "boxed letter"),
    ("A", r"\boxed{\text{A}}", "letter in text"),
    ("A", r"\boxed{\textbf{(A)}}", "bold letter in parentheses"),
    ("A", "The answer is (A).", "letter in parentheses"),
    ("A", "Answer: A", "letter after a colon"),
    ("A", "**Answer: A**", "bold answer"),
    ("A", "<answer>A</answer>", "tag"),
    ("A", "<answer>a</answer>", "small letter"),
    ("A", r"\boxed{dry palms}", "text of the option"),
    ("A", "The answer is dry palms.", "text of the option in prose"),
    ("A", "The answer is A) dry palms", "letter and text"),
    ("A", r"\boxed{A. \text{dry palms}}", "letter with point and text"),
    ("A", "The answer is $A$.", "letter alone in a formula"),
    ("A", "Friction is what heats.\n\nA", "letter on the last line"),
    ("A", "The correct answer is option A.", "option"),
    ("A", "Wet palms slip.\nThe answer is: **A**", "bold letter"),
    ("B", r"\boxed{A}? No: \boxed{B}", "last of several boxes"),
    ("C", r"\boxed{C: palms covered with oil}", "colon"),
    ("B", "The answer is B because wet palms slip, unlike A.", "reason names another option"),
    ("dry palms", r"\boxed{A}", "reference by text"),
    ("(A)", r"\boxed{A}", "reference in parentheses"),
]  # fmt: skip

INCORRECT = [
    ("A", r"\boxed{B}", "other letter"),
    ("A", r"\boxed{wet palms}", "other text"),
    ("A", r"\boxed{A or B}", "hedge"),
    ("A", "The answer is A or B.", "hedge in prose"),
    ("A", "Answer: A and C", "two options"),
    ("A", r"\boxed{A, B}", "list"),
    ("A", r"\boxed{A}\text{ or }\boxed{B}", "hedge in two boxes"),
    ("A", r"\boxed{A/B}", "hedge with a slash"),
    ("A", "<answer>A B C D</answer>", "every letter"),
    ("A", "The answer is either dry palms or wet palms.", "two texts"),
]  # fmt: skip

NO_ANSWER = [
    ("A", "", "empty"),
    ("A", "I do not know.", "no option"),
    ("A", r"\boxed{E}", "letter that is no option"),
    ("D", "The answer is $D = B + C$.", "letters in a formula"),
    ("B", r"\boxed{AB = CD}", "segments of a figure"),
    ("A", "The answer is A surface with friction.", "article"),
    ("C", "Vitamin-C rich", "letter in a word"),
]  # fmt: skip


def cases(table):
    return [pytest.param(*row[:-1], id=row[-1]) for row in table]


@pytest.mark.parametrize(("reference", "answer"), cases(CORRECT))
def test_option_that_is_right_is_correct(reference, answer):
    judgement = choice.judge(reference, SPEC, answer)
    assert judgement.verdict is Verdict.CORRECT, judgement


@pytest.mark.parametrize(("reference", "answer"), cases(INCORRECT))
def test_option_that_is_wrong_or_hedged_is_incorrect(reference, answer):
    judgement = choice.judge(reference, SPEC, answer)
    assert judgement.verdict is Verdict.INCORRECT, judgement


@pytest.mark.parametrize(("reference", "answer"), cases(NO_ANSWER))
def test_answer_that_names_no_option_is_no_answer(reference, answer):
    judgement = choice.judge(reference, SPEC, answer)
    assert judgement.verdict is Verdict.NO_ANSWER, judgement


@pytest.mark.parametrize(
    ("reference", "spec"),
    [
        pytest.param("E", SPEC, id="label that is no option"),
        pytest.param("A", {}, id="no choices"),
        pytest.param("A", {"choices": ["dry", "wet"]}, id="choices as a list"),
        pytest.param("", SPEC, id="empty reference"),
    ],
)
def test_reference_that_is_no_option_is_a_bad_reference(reference, spec):
    assert choice.judge(reference, spec, r"\boxed{A}").verdict is Verdict.BAD_REFERENCE


@pytest.mark.parametrize("label", list(SPEC["choices"]))
def test_presented_reference_is_accepted(label):
    assert choice.judge(label, SPEC, choice.present(label)).verdict is Verdict.CORRECT


def test_numbers_as_options_are_told_by_their_text():
    spec = {"choices": {"A": "12", "B": "21", "C": "3"}}
    assert choice.judge("B", spec, r"\boxed{21}").verdict is Verdict.CORRECT
    assert choice.judge("B", spec, r"\boxed{12}").verdict is Verdict.INCORRECT


def test_labels_that_are_digits_win_over_texts():
    spec = {"choices": {"1": "four", "2": "1", "3": "two"}}
    assert choice.judge("1", spec, r"\boxed{1}").verdict is Verdict.CORRECT


def test_broken_specification_is_a_bad_reference():
    comparison = registry.Comparison(kind="choice", reference="A", spec_json="[", answer="A")
    assert registry.judge(comparison).verdict is Verdict.BAD_REFERENCE
