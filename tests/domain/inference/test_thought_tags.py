import pytest

from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.inference.thought_tags import split_thought

WHOLE = "<|begin_of_thought|>\nt\n<|end_of_thought|>\n\n<|begin_of_solution|>\ns\n<|end_of_solution|>"


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        pytest.param(WHOLE, "\nt\n", "\ns\n", id="whole"),
        pytest.param("\n" + WHOLE + "\n", "\nt\n", "\ns\n", id="white-space-around"),
        pytest.param("<|begin_of_thought|><|end_of_thought|>s", "", "s", id="empty-thought-no-solution-tags"),
        pytest.param("<|begin_of_thought|>t<|end_of_thought|><|begin_of_solution|>s", "t", "s", id="open-solution"),
        pytest.param("<|begin_of_thought|>t<|end_of_thought|><|begin_of_solution|>", "t", "", id="empty-solution"),
        pytest.param(
            "<|begin_of_thought|>t<|end_of_thought|><|begin_of_solution|><|end_of_solution|>", "t", "", id="no-solution"
        ),
        pytest.param("<|begin_of_thought|>t</think>u<|end_of_thought|>s", "t</think>u", "s", id="think-tag-within"),
        pytest.param("<think>t</think>s", None, "<think>t</think>s", id="think-tags-are-left"),
        pytest.param("the tag <|begin_of_thought|> is", None, "the tag <|begin_of_thought|> is", id="tag-spoken-of"),
        pytest.param("", None, "", id="empty"),
    ],
)
def test_thought_and_solution_are_taken_apart(text, reasoning, answer):
    assert split_thought(text) == (reasoning, answer)


def test_a_thought_that_never_closes_has_no_answer():
    reasoning, text = split_thought("<|begin_of_thought|>so \\boxed{4")
    split = split_completion(text, False, reasoning)
    assert (split.answer, split.think_state) == ("", "unclosed")
