"""What judges are asked with: shipped questions, and a recipe's own."""

from pathlib import Path

import pytest

from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.verification.judge_texts import asked_with, judge_template, template_version

SHIPPED = ("compare", "prefer", "rate", "safety")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_questions_are_read_and_have_a_reminder(name):
    text = judge_template(name, key="k", recipe_folder=Path("nowhere"))
    asked = asked_with(text, "0123", {"answer": "Well."})
    again = asked_with(text, "0123", {"answer": "Well."}, reminder=name)
    assert "--- answer 0123 begins ---\nWell.\n--- answer 0123 ends ---" in asked
    assert again.startswith(asked)
    assert "could not be read" in again


def test_a_question_of_the_recipe_is_asked_as_it_stands(tmp_path):
    (tmp_path / "own.txt").write_text("Look.\n{texts}\n{mark}\n", encoding="utf-8")
    text = judge_template("own.txt", key="k", recipe_folder=tmp_path)
    assert asked_with(text, "ab", {"answer": "a {mark} {texts}"}) == (
        "Look.\n--- answer ab begins ---\na {mark} {texts}\n--- answer ab ends ---\nab"
    )
    assert template_version(text) != template_version(text.replace("Look.", "See."))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{texts}", r"lacks {mark}", id="a judge that is not told the mark cannot repeat it"),
        pytest.param("{mark}", r"lacks {texts}", id="nothing to judge"),
        pytest.param(None, "neither shipped", id="no such file"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "own.txt").write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"`safety_set.judge.template`.*{message}"):
        judge_template("own.txt", key="safety_set.judge.template", recipe_folder=tmp_path)
