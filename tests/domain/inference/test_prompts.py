import re
from pathlib import Path

import pytest

from openreason_dagster.domain import inference
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.prompts import build_messages, read_template, template_names
from openreason_dagster.domain.records import Message

README = Path(inference.__file__).parent / "templates" / "README.md"


@pytest.mark.parametrize("name", template_names())
def test_shipped_templates_hold_the_prompt_once(name, tmp_path):
    assert read_template(name, recipe_folder=tmp_path).count("{prompt}") == 1


def test_readme_lists_exactly_the_shipped_templates():
    assert sorted(re.findall(r"^\| `(\w+)` \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)) == (
        template_names()
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("r1_zero", "<answer> answer here </answer>. User: Q. Assistant:", id="r1-stop-after-the-prompt"),
        pytest.param("open_r1", "put your final answer within \\boxed{}:\nQ", id="open-r1-prompt-last"),
        pytest.param("tinyzero", "Assistant: Let me solve this step by step.\n<think>", id="tinyzero-opens-the-block"),
        pytest.param(
            "tinyzero_instruct", "<|im_start|>user\n Q Show your work in <think>", id="tinyzero-leading-space"
        ),
        pytest.param("s1", "Q<|im_end|>\n<|im_start|>assistant\n", id="s1-ends-in-a-line-break"),
    ],
)
def test_published_templates_are_word_for_word(name, expected, tmp_path):
    """Where a copy goes wrong most easily: ends, line breaks, spaces and slips."""
    asked = read_template(name, recipe_folder=tmp_path).replace("{prompt}", "Q")
    assert expected in asked
    if name != "tinyzero_instruct":
        assert asked.endswith(expected)


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
    with pytest.raises(RecipeError, match=r"'boxd'.*boxed, open_r1, plain, r1_zero"):
        read_template("boxd", recipe_folder=tmp_path)


def test_template_without_prompt_is_refused(tmp_path):
    (tmp_path / "own.txt").write_text("{promt}", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"lacks `\{prompt\}`"):
        read_template("own.txt", recipe_folder=tmp_path)


def test_template_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "own.txt").write_bytes(b"\xff{prompt}")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_template("own.txt", recipe_folder=tmp_path)
