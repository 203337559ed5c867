import pytest

from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.prompts import build_messages, read_template, template_names
from openreason_dagster.domain.records import Message


def test_shipped_templates_hold_the_prompt_once(tmp_path):
    assert template_names() == ["boxed", "plain", "r1_zero"]
    for name in template_names():
        assert read_template(name, recipe_folder=tmp_path).count("{prompt}") == 1


def test_plain_is_the_prompt_itself(tmp_path):
    template = read_template("plain", recipe_folder=tmp_path)
    assert build_messages("What is 1+1?\n", template, None) == (Message(role="user", content="What is 1+1?\n"),)


@pytest.mark.parametrize(
    "prompt", [r"\frac{1}{2} {x}", "{prompt}", "{0} {{}}", "%s $x"], ids=["latex", "self", "format", "percent"]
)
def test_braces_in_the_prompt_have_no_meaning(prompt):
    messages = build_messages(prompt, "Q: {prompt}!", "Be brief.")
    assert [(message.role, message.content) for message in messages] == [
        ("system", "Be brief."),
        ("user", f"Q: {prompt}!"),
    ]


def test_template_beside_the_recipe(tmp_path):
    (tmp_path / "own.txt").write_text("First.\n{prompt}\n\n", encoding="utf-8")
    assert read_template("own.txt", recipe_folder=tmp_path) == "First.\n{prompt}\n"


def test_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(RecipeError, match=r"'boxd'.*boxed, plain, r1_zero"):
        read_template("boxd", recipe_folder=tmp_path)


def test_template_without_prompt_is_refused(tmp_path):
    (tmp_path / "own.txt").write_text("{promt}", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"lacks `\{prompt\}`"):
        read_template("own.txt", recipe_folder=tmp_path)


def test_template_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "own.txt").write_bytes(b"\xff{prompt}")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_template("own.txt", recipe_folder=tmp_path)
