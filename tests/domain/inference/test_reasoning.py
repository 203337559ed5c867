import pytest
from hypothesis import given
from hypothesis import strategies as st
from joined_completions import join_completion

from openreason_dagster.domain.inference.reasoning import ends_inside_think, split_completion
from openreason_dagster.domain.records import ThinkState

TEMPLATE, MODEL = ThinkState.OPENED_BY_TEMPLATE, ThinkState.OPENED_BY_MODEL
UNCLOSED, ABSENT, SEPARATE = ThinkState.UNCLOSED, ThinkState.ABSENT, ThinkState.SEPARATE
PIECES = st.lists(st.sampled_from(["<think>", "</think>", " ", "\n", "a", "é", "<", "思", "\\boxed{1}"]), max_size=8)


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        pytest.param("a</think>b", True, ("a", "b", TEMPLATE), id="prompt-opened"),
        pytest.param("<think>a</think>b", False, ("a", "b", MODEL), id="model-opened"),
        pytest.param("\n<think>a</think>b", False, ("a", "b", MODEL), id="white-space-before-tag"),
        pytest.param("a</think>b", False, ("a", "b", TEMPLATE), id="server-hid-the-opening-tag"),
        pytest.param("a</think>b</think>c", True, ("a</think>b", "c", TEMPLATE), id="last-closing-tag-counts"),
        pytest.param("<think>a</think>b", True, ("<think>a", "b", TEMPLATE), id="opened-twice-stays-visible"),
        pytest.param("Hm <think>a</think>b", False, ("Hm <think>a", "b", TEMPLATE), id="text-before-tag-stays-visible"),
        pytest.param("a \\boxed{1}", True, ("a \\boxed{1}", "", UNCLOSED), id="cut-off-while-thinking"),
        pytest.param("<think>a", False, ("<think>a", "", UNCLOSED), id="model-never-closed"),
        pytest.param("a", False, ("", "a", ABSENT), id="no-block"),
        pytest.param("", False, ("", "", ABSENT), id="empty"),
        pytest.param("", True, ("", "", UNCLOSED), id="empty-while-thinking"),
        pytest.param(" a \n</think>\n\n b ", True, (" a \n", "\n\n b ", TEMPLATE), id="verbatim-white-space"),
    ],
)
def test_split(text, opened, expected):
    assert split_completion(text, opened) == expected


def test_separate_reasoning_leaves_the_text_alone():
    assert split_completion("x</think>y", False, "r") == ("r", "x</think>y", SEPARATE)


@given(PIECES.map("".join), st.booleans())
def test_join_restores_the_text(text, opened):
    split = split_completion(text, opened)
    joined = join_completion(*split)
    assert joined == (text.lstrip() if split.think_state == MODEL else text)


@given(PIECES.map("".join), st.booleans())
def test_answer_is_free_of_closing_tags_and_a_suffix(text, opened):
    split = split_completion(text, opened)
    assert "</think>" not in split.answer
    assert text.endswith(split.answer)
    assert split.reasoning in text


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        pytest.param("<|assistant|><think>\n", True, id="opened"),
        pytest.param("<|assistant|><think>\n\n</think>\n\n", False, id="opened-and-closed"),
        pytest.param("say <think> now<|assistant|>", False, id="tag-in-the-question"),
    ],
)
def test_ends_inside_think(prompt, expected):
    assert ends_inside_think(prompt) is expected
