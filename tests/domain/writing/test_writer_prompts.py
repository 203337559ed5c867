"""Templates and examples: shipped or the recipe's own, checked before anything is asked."""

from pathlib import Path

import pytest

from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.writing.prompts import fill, read_examples, read_writer_template
from openreason_dagster.domain.writing.replies import texts_of


def test_a_placeholder_inside_a_value_is_not_filled_in():
    assert fill("{a} {b} {c}", {"a": "{b}", "b": "1"}) == "{b} 1 {c}"


def test_a_template_of_the_recipe_is_read_and_a_missing_placeholder_named(tmp_path):
    (tmp_path / "own.txt").write_text("Think about {question}\n", encoding="utf-8")
    read = {"key": "cot_prompted.template", "recipe_folder": tmp_path}
    assert read_writer_template("own.txt", placeholders=["question"], **read) == "Think about {question}"
    with pytest.raises(RecipeError, match=r"cot_prompted\.template.*lacks \{reasoning\}"):
        read_writer_template("own.txt", placeholders=["question", "reasoning"], **read)
    with pytest.raises(RecipeError, match="neither shipped"):
        read_writer_template("none.txt", placeholders=[], **read)


def test_shipped_examples_keep_their_numbers():
    from openreason_dagster.domain.writing.readability import unknown_numbers

    examples = read_examples("cold_start_examples", key="k", recipe_folder=Path())
    assert {example.language for example in examples} == {"en", "zh"}
    for example in examples:
        assert unknown_numbers(example.rewritten, example.question, example.reasoning) == []


@pytest.mark.parametrize(
    "line", ["not json", "[]", '{"question": "q"}', '{"language": 1, "question": "", "reasoning": "", "rewritten": ""}']
)
def test_examples_that_cannot_be_used_are_refused(tmp_path, line):
    (tmp_path / "bad.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"cold_start\.examples.*line 1"):
        read_examples("bad.jsonl", key="cold_start.examples", recipe_folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<a>x</a>\n<b>y</b>", ("x", "y")),
        ("<a>\nx < 3\n</a><b>y</b>", ("x < 3", "y")),
        ("<a>x</a> then <b>y</b>", "bad_form"),
        ("<a>x<b>y</b></a>", "bad_form"),
        ("<a>x</a><b>y</b><a>x</a><b>y</b>", "bad_form"),
        ("<A>x</A><B>y</B>", "bad_form"),
        ("```\n<a>x</a><b>y</b>\n```", "bad_form"),
        ("<a>x</think></a><b>y</b>", "bad_form"),
    ],
)
def test_texts_of_a_reply(text, expected):
    found = texts_of(Reply(text=text), ("a", "b"))
    assert found == expected if isinstance(expected, tuple) else found.reason == expected
