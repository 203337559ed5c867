import pytest

from openreason_dagster.domain.seeds.cell_text import UnusableRowError
from openreason_dagster.domain.seeds.choices import choice_of_answer, lettered_choices, with_options

LISTED = {"text": ["red", "green", "blue"], "label": ["A", "B", "C"]}
LETTERED = {"A": "red", "B": "green", "C": "blue"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(["red", "green", "blue"], id="list"),
        pytest.param({"A": "red", "B": "green", "C": "blue"}, id="mapping"),
        pytest.param({"A": "red", "B": "green", "C": "blue", "D": None}, id="mapping-with-null-of-parquet"),
        pytest.param(LISTED, id="text-and-label"),
        pytest.param({"text": LISTED["text"], "label": ["1", "2", "3"]}, id="numbered-labels-become-letters"),
        pytest.param('["red", "green", "blue"]', id="json-list-in-csv"),
        pytest.param('{"A": "red", "B": "green", "C": "blue"}', id="json-mapping-in-csv"),
    ],
)
def test_every_layout_gives_lettered_options(value: object) -> None:
    assert lettered_choices(value).texts == LETTERED


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param(None, "NoneType", id="null"),
        pytest.param("red, green", "expected a list or mapping in JSON", id="plain-text"),
        pytest.param("[" * 100_000, "expected a list or mapping in JSON", id="json-too-deep"),
        pytest.param(["red"], "found 1 options", id="one-option"),
        pytest.param([], "found 0 options", id="no-options"),
        pytest.param([str(number) for number in range(27)], "found 27 options", id="more-than-letters"),
        pytest.param(["red", " "], "1 options that are blank", id="blank-option"),
        pytest.param(["red", ["green"]], "1 options that are blank or no text", id="nested-option"),
        pytest.param({"text": ["red", "green"], "label": ["A"]}, "1 distinct labels for 2", id="label-missing"),
        pytest.param({"text": ["red", "green"], "label": ["A", "a"]}, "1 distinct labels for 2", id="label-twice"),
    ],
)
def test_unusable_options_say_what_was_found(value: object, found: str) -> None:
    with pytest.raises(UnusableRowError, match=found) as caught:
        lettered_choices(value)
    assert caught.value.reason == "bad_choices"


@pytest.mark.parametrize(
    ("value", "answer", "letter"),
    [
        pytest.param(LISTED, "b", "B", id="label-in-lower-case"),
        pytest.param({"text": LISTED["text"], "label": ["1", "2", "3"]}, "1", "A", id="label-is-not-a-position"),
        pytest.param({"text": ["2", "1"], "label": ["1", "2"]}, "1", "A", id="label-before-text"),
        pytest.param(LISTED, "green", "B", id="text-of-labelled-option"),
        pytest.param(["red", "green"], "B", "B", id="letter-of-list"),
        pytest.param(["red", "green"], "green", "B", id="text-of-list"),
        pytest.param(["red", "green"], "0", "A", id="position-of-list"),
        pytest.param(["0", "1"], "1", "B", id="text-and-position-agree"),
    ],
)
def test_answer_names_an_option(value: object, answer: str, letter: str) -> None:
    assert choice_of_answer(lettered_choices(value), answer) == letter


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        pytest.param(["1", "2", "3"], "2", id="text-and-position-differ"),
        pytest.param(["B", "A"], "A", id="text-and-letter-differ"),
        pytest.param(["red", "red"], "red", id="two-options-have-this-text"),
        pytest.param(["red", "green"], "2", id="position-too-high"),
        pytest.param(["red", "green"], "E", id="no-such-letter"),
        pytest.param(LISTED, "0", id="labelled-options-have-no-positions"),
    ],
)
def test_answer_that_is_unclear_is_refused(value: object, answer: str) -> None:
    with pytest.raises(UnusableRowError, match="expected exactly one option"):
        choice_of_answer(lettered_choices(value), answer)


def test_options_follow_the_question() -> None:
    assert with_options("Which?", {"A": "red", "B": "green"}) == "Which?\n\nA. red\nB. green"
