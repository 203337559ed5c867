import pytest

from openreason_dagster.domain.conversation import first_exchange, first_text

USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
SYSTEM = {"role": "system", "content": "s"}


def facts(exchange):
    return exchange and (exchange.system, exchange.prompt, exchange.completion, exchange.turns_left_out)


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param([USER, ANSWER], (None, "q", "a", 0), id="one-exchange"),
        pytest.param([SYSTEM, USER, ANSWER], ("s", "q", "a", 0), id="system-first"),
        pytest.param([SYSTEM, SYSTEM, USER, ANSWER], ("s\ns", "q", "a", 0), id="two-system-turns"),
        pytest.param([USER, ANSWER, USER, ANSWER], (None, "q", "a", 2), id="several-turns"),
        pytest.param(
            [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], (None, "q", "a", 0), id="human-and-gpt"
        ),
        pytest.param(
            [{"from": "user", "value": "q"}, {"from": "assistant", "value": "a"}], (None, "q", "a", 0), id="from-value"
        ),
        pytest.param([USER, ANSWER | {"content": ""}], (None, "q", "", 0), id="empty-answer-is-an-answer"),
        pytest.param([USER | {"role": "User"}, ANSWER], (None, "q", "a", 0), id="capital-role"),
        pytest.param([ANSWER, USER, ANSWER], None, id="assistant-first"),
        pytest.param([USER, USER, ANSWER], None, id="two-questions"),
        pytest.param([USER, {"role": "tool", "content": "x"}, ANSWER], None, id="tool-between"),
        pytest.param([USER], None, id="no-answer"),
        pytest.param([USER, ANSWER | {"content": None}], None, id="null-answer"),
        pytest.param([USER, ANSWER | {"content": [{"type": "text", "text": "a"}]}], None, id="content-in-parts"),
        pytest.param([USER, "a"], None, id="turn-is-a-text"),
        pytest.param([], None, id="no-turns"),
        pytest.param(None, None, id="null"),
        pytest.param("[]", None, id="text"),
    ],
)
def test_first_exchange(turns, expected):
    assert facts(first_exchange(turns)) == expected


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_kept_apart_is_found(key):
    assert first_exchange([USER, ANSWER | {key: "r"}]).reasoning == "r"


@pytest.mark.parametrize("value", [None, 7, ["r"]], ids=str)
def test_reasoning_that_is_no_text_is_not_stated(value):
    assert first_exchange([USER, ANSWER | {"reasoning_content": value}]).reasoning is None


@pytest.mark.parametrize(
    ("role", "expected"), [("user", "q"), ("assistant", "a"), ("system", None)], ids=["user", "assistant", "absent"]
)
def test_first_text_of_a_role(role, expected):
    assert first_text([USER, ANSWER, USER | {"content": "q2"}], role) == expected
