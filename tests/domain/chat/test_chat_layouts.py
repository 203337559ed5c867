"""Rows of every layout become conversations, and what is none says why."""

import pytest

from openreason_dagster.domain.chat.layouts import Part, conversations
from openreason_dagster.domain.recipe_chat import ChatColumns, FileChatSource

EXCHANGE = [("user", "Hi, who are you?"), ("assistant", "A friend.")]


def read(row, layout="messages", **columns):
    mapped = ChatColumns(**columns) if columns else None
    source = FileChatSource(
        name="s", kind="file", path="x.jsonl", license="MIT", layout="columns" if columns else layout, columns=mapped
    )
    return list(conversations(row, source.mapped))


def turns(part):
    assert isinstance(part, Part), part
    return [(message.role, message.content) for message in part.messages]


def as_roles(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


@pytest.mark.parametrize(
    ("layout", "row", "expected"),
    [
        pytest.param("messages", {"messages": as_roles(*EXCHANGE)}, EXCHANGE, id="messages"),
        pytest.param(
            "sharegpt",
            {"conversations": [{"from": "human", "value": EXCHANGE[0][1]}, {"from": "gpt", "value": EXCHANGE[1][1]}]},
            EXCHANGE, id="sharegpt",
        ),
        pytest.param(
            "messages", {"messages": as_roles(("system", "Be brief."), *EXCHANGE, *EXCHANGE)},
            [("system", "Be brief."), *EXCHANGE, *EXCHANGE], id="system-and-several-turns",
        ),
        pytest.param(
            "alpaca", {"instruction": "Translate.", "input": " Hallo ", "output": "Hello"},
            [("user", "Translate.\n\nHallo"), ("assistant", "Hello")], id="alpaca-with-input",
        ),
        pytest.param(
            "alpaca", {"instruction": "Say hello.", "input": "", "output": "Hello"},
            [("user", "Say hello."), ("assistant", "Hello")], id="alpaca-without-input",
        ),
        pytest.param(
            "dolly", {"instruction": "When?", "context": "It was 1999.", "response": "In 1999."},
            [("user", "When?\n\nIt was 1999."), ("assistant", "In 1999.")], id="dolly",
        ),
    ],
)  # fmt: skip
def test_layouts(layout, row, expected):
    (part,) = read(row, layout)
    assert turns(part) == expected
    assert part.suffix == ""


def test_self_instruct_makes_a_conversation_of_each_instance():
    row = {"instruction": "Double it.", "instances": [{"input": "2", "output": "4"}, {"input": "", "output": "6"}]}
    first, second = read(row, "self_instruct")
    assert (first.suffix, turns(first)) == ("-0", [("user", "Double it.\n\n2"), ("assistant", "4")])
    assert (second.suffix, turns(second)) == ("-1", [("user", "Double it."), ("assistant", "6")])


def test_columns_are_named_freely():
    (part,) = read({"q": "Hi?", "a": "Hello", "sys": "Be kind."}, instruction="q", output="a", system="sys")
    assert turns(part) == [("system", "Be kind."), ("user", "Hi?"), ("assistant", "Hello")]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        pytest.param(None, "no_answer", id="no-list"),
        pytest.param([], "no_answer", id="empty"),
        pytest.param(as_roles(("user", "Hi?")), "no_answer", id="unanswered"),
        pytest.param(as_roles(*EXCHANGE, ("user", "And?")), "bad_turns", id="last-question-unanswered"),
        pytest.param(as_roles(("assistant", "Hello"), ("user", "Hi")), "bad_turns", id="assistant-begins"),
        pytest.param(as_roles(*EXCHANGE, ("system", "x"), *EXCHANGE), "bad_turns", id="system-in-the-middle"),
        pytest.param(as_roles(("system", "x"), ("system", "y"), *EXCHANGE), "bad_turns", id="two-system-turns"),
        pytest.param(as_roles(("user", "Hi"), ("tool", "{}")), "bad_turns", id="tool-turn"),
        pytest.param(as_roles(("user", "Hi"), ("assistant", " ")), "bad_turns", id="blank-answer"),
        pytest.param([{"role": "user", "content": [{"text": "Hi"}]}], "bad_turns", id="content-in-parts"),
        pytest.param(as_roles(("user", "Hi"), ("assistant", "\ud800")), "bad_text", id="half-a-character"),
        pytest.param(
            as_roles(("user", "Hi"), ("assistant", "<think>hm</think> Hello")), "has_reasoning", id="think-block"
        ),
        pytest.param(
            [*as_roles(("user", "Hi")), {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}],
            "has_reasoning", id="reasoning-field",
        ),
    ],
)  # fmt: skip
def test_what_is_no_conversation_says_why(messages, reason):
    (error,) = read({"messages": messages})
    assert error.reason == reason
    assert error.detail


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param({}, "give one of", id="nothing"),
        pytest.param({"messages": "m", "output": "o"}, "give one of", id="two-ways"),
        pytest.param({"output": "o"}, "`instruction` is needed", id="no-question"),
        pytest.param({"messages": "m", "instruction": "i"}, "`instruction` is needed", id="question-twice"),
    ],
)
def test_columns_that_cannot_work_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        ChatColumns(**columns)
