"""Rows in the layouts of trainers: nothing of a conversation is lost, and prompts are asked as samples were."""

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openreason_dagster.domain.conversation import first_exchange
from openreason_dagster.domain.inference.prompts import PLACEHOLDER, build_messages
from openreason_dagster.domain.recipe_formats import Format
from openreason_dagster.domain.release.layouts import LAYOUTS, Question
from openreason_dagster.domain.schemas import MESSAGES, TABLES

PLAIN = Question(messages=build_messages(PLACEHOLDER, "{prompt}", None), form="messages")
TAGGED = "<think>\nso 5\n</think>\n\nIt is 5."
ONE = [("user", "2 + 3?"), ("assistant", TAGGED)]


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


def mix(*conversations):
    rows = pl.LazyFrame({"trace_id": [str(number) for number in range(len(conversations))]})
    messages = pl.Series("messages", [turns(*pairs) for pairs in conversations], dtype=MESSAGES)
    return rows.with_columns(messages)


def arranged(name, rows, question=PLAIN):
    return LAYOUTS[name].arrange(rows, question).collect().to_dicts()


def test_every_format_of_a_recipe_has_its_layout():
    assert set(LAYOUTS) == set(Format.__args__)
    for layout in LAYOUTS.values():
        assert layout.key in TABLES[layout.table].schema


def test_without_tags_reasoning_stands_apart():
    (row,) = arranged("messages_without_tags", mix(ONE))
    assert row["messages"] == [
        {"role": "user", "content": "2 + 3?", "reasoning_content": None},
        {"role": "assistant", "content": "It is 5.", "reasoning_content": "so 5"},
    ]


@pytest.mark.parametrize(
    ("conversation", "prompt", "completion"),
    [
        pytest.param(ONE, [("user", "2 + 3?")], TAGGED, id="one-exchange"),
        pytest.param(
            [("system", "Be short."), *ONE], [("system", "Be short."), ("user", "2 + 3?")], TAGGED, id="system"
        ),
        pytest.param(
            [("user", "hi"), ("assistant", "hello"), ("user", "bye"), ("assistant", "ok")],
            [("user", "hi"), ("assistant", "hello"), ("user", "bye")], "ok", id="several-turns",
        ),
    ],
)  # fmt: skip
def test_completion_is_the_last_turn(conversation, prompt, completion):
    (row,) = arranged("prompt_completion", mix(conversation))
    assert row["prompt"] == turns(*prompt)
    assert row["completion"] == turns(("assistant", completion))


def test_completion_without_tags():
    (row,) = arranged("prompt_completion_without_tags", mix(ONE))
    assert row["completion"] == [{"role": "assistant", "content": "It is 5.", "reasoning_content": "so 5"}]


def test_sharegpt_names_speakers_its_own_way():
    (row,) = arranged("sharegpt", mix([("system", "Be short."), *ONE]))
    assert row["conversations"] == [
        {"from": "system", "value": "Be short."},
        {"from": "human", "value": "2 + 3?"},
        {"from": "gpt", "value": TAGGED},
    ]
    read = first_exchange(row["conversations"])
    assert (read.system, read.prompt, read.completion) == ("Be short.", "2 + 3?", TAGGED)
    (row,) = arranged("sharegpt_without_tags", mix(ONE))
    assert (row["conversations"][-1]["value"], row["reasoning"]) == ("It is 5.", "so 5")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no tags at all", id="no-tags"),
        pytest.param("I <think>\nin between\n</think>\n\nit", id="tags-within"),
        pytest.param("<think>\nnever closed", id="unclosed"),
    ],
)
def test_text_that_is_no_thought_stays_whole(text):
    for name in ("messages_without_tags", "prompt_completion_without_tags"):
        (row,) = arranged(name, mix([("user", "q"), ("assistant", text)]))
        turn = row.get("messages", row.get("completion"))[-1]
        assert (turn["content"], turn["reasoning_content"]) == (text, None)


def test_a_user_who_writes_think_tags_is_quoted_in_full():
    (row,) = arranged("messages_without_tags", mix([("user", TAGGED), ("assistant", TAGGED)]))
    assert row["messages"][0]["content"] == TAGGED


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_reasoning_and_answer_come_back_verbatim(reasoning, answer):
    assume("\n</think>\n\n" not in f"{reasoning}\n")
    (row,) = arranged(
        "messages_without_tags", mix([("user", "q"), ("assistant", f"<think>\n{reasoning}\n</think>\n\n{answer}")])
    )
    assert (row["messages"][1]["reasoning_content"], row["messages"][1]["content"]) == (reasoning, answer)


def prompts(*texts):
    columns = dict.fromkeys(TABLES["rl_prompts"].schema) | {
        "prompt_id": "p", "split": "train", "source": "sums", "domain": "math", "language": "en", "verifier": "math",
        "verifier_spec": "{}", "license": "MIT", "pass_rate": 0.5, "difficulty_band": "medium",
    }  # fmt: skip
    return TABLES["rl_prompts"].frame(columns | {"prompt": text} for text in texts).lazy()


@pytest.mark.parametrize(
    ("template", "system", "text"),
    [
        pytest.param("{prompt}", None, "What is {x}?", id="braces-in-the-prompt"),
        pytest.param("Q: {prompt} A:", "Be short.", "2 + 3?", id="system-prompt"),
        pytest.param("{prompt} Again: {prompt}", None, "{prompt}", id="placeholder-twice-and-in-the-prompt"),
        pytest.param("{prompt}", "Say {prompt}.", "2 + 3?", id="braces-in-the-system-prompt"),
    ],
)
def test_policy_is_asked_as_samples_were(template, system, text):
    question = Question(messages=build_messages(PLACEHOLDER, template, system), form="messages")
    expected = [{"role": one.role, "content": one.content} for one in build_messages(text, template, system)]
    for name in ("rl_prompts", "rl_prompts_verl"):
        (row,) = arranged(name, prompts(text), question)
        assert row["prompt"] == expected


def test_prompt_as_text_is_the_template_alone():
    question = Question(messages=build_messages(PLACEHOLDER, "User: {prompt}\nAssistant: <think>", None), form="text")
    (row,) = arranged("rl_prompts", prompts("2 + 3?"), question)
    assert row["prompt"] == "User: 2 + 3?\nAssistant: <think>"


def test_verl_finds_its_columns():
    first, second = arranged("rl_prompts_verl", prompts("a", "b"))
    assert set(first) == {"prompt_id", "data_source", "prompt", "ability", "reward_model", "extra_info"}
    assert first["reward_model"] == {"style": "rule", "ground_truth": ""}, "verl takes text, and null is none"
    assert (first["data_source"], first["ability"]) == ("sums", "math")
    assert [row["extra_info"]["index"] for row in (first, second)] == [0, 1]
    assert first["extra_info"]["verifier"] == "math"


def test_pairs_are_three_conversations():
    columns = dict.fromkeys(TABLES["preference_pairs"].schema) | {"prompt": "q", "chosen": "a", "rejected": "b"}
    (row,) = arranged("preference", TABLES["preference_pairs"].frame([columns]).lazy())
    assert row["prompt"] == turns(("user", "q"))
    assert (row["chosen"], row["rejected"]) == (turns(("assistant", "a")), turns(("assistant", "b")))
