"""Checks of conversations fail on what another tool may have put into the tables."""

import polars as pl
import pytest

from openreason_dagster.checks import conversations as checks
from openreason_dagster.checks.datasets import conversations_are_well_formed
from openreason_dagster.domain.schemas import MESSAGES, TABLES

SOURCE = {"name": "chat", "kind": "file", "path": "chat.jsonl", "layout": "messages", "license": "MIT"}


def put(small, name, **changes):
    """One row that is well-formed but for the changes."""
    blank = {pl.String(): "x", pl.Int64(): 2, pl.Float64(): 1.0, MESSAGES: turns("Hi?", "Hello.")}
    row = {column.name: blank[column.dtype] for column in TABLES[name].columns} | changes
    small.tables.replace(name, TABLES[name].frame([row]))


def turns(*texts):
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("messages", "passed"),
    [
        pytest.param(turns("Hi?", "Hello."), True, id="good"),
        pytest.param(turns("Hi?"), False, id="unanswered"),
        pytest.param(turns("Hi?", ""), False, id="blank"),
        pytest.param(turns("Hi?", "<think>\nhm\n</think>\n\nHello."), False, id="thinks"),
    ],
)
def test_chat_conversations(small, messages, passed):
    put(small, "chat_sft_data", messages=messages)
    assert checks.chat_conversations_are_well_formed(small.tables).passed == passed


@pytest.mark.parametrize(("allowed", "passed"), [(["mit"], True), (["Apache-2.0"], False), (None, True)])
def test_licences(small, allowed, passed):
    (small.folder / "chat.jsonl").write_text("{}\n", encoding="utf-8")
    small.write_recipe(chat_sources=[SOURCE], chat_sft_data={"licenses": allowed})
    put(small, "chat_sft_data", license="MIT")
    assert checks.chat_licences_are_allowed(small.tables, small.workspace).passed == passed


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        pytest.param({"verdict": None}, True, id="not-verifiable"),
        pytest.param({"verdict": "correct"}, True, id="correct"),
        pytest.param({"verdict": "abstained"}, True, id="judge-abstained"),
        pytest.param({"verdict": "incorrect"}, False, id="incorrect"),
        pytest.param({"verdict": None, "answer": " "}, False, id="blank-answer"),
        pytest.param({"verdict": None, "reasoning": "a</think>b"}, False, id="think-tag"),
    ],
)
def test_answers_after_thinking(small, changes, passed):
    put(small, "cot_prompted_traces", **changes)
    assert checks.cot_answers_follow_reasoning(small.tables).passed == passed


@pytest.mark.parametrize(
    ("origin", "trace_id", "passed"),
    [
        pytest.param("chat_sft_data", "c1", True, id="known"),
        pytest.param("cot_prompted_traces", "c1", False, id="of-the-other-table"),
        pytest.param("chat_sft_data", "c2", False, id="unknown"),
    ],
)
def test_non_reasoning_rows(small, origin, trace_id, passed):
    put(small, "chat_sft_data", conversation_id="c1")
    put(small, "non_reasoning_data", origin=origin, trace_id=trace_id)
    assert checks.non_reasoning_rows_are_unique(small.tables).passed == passed


def test_non_reasoning_rows_that_are_there_twice(small):
    put(small, "chat_sft_data", conversation_id="c1")
    put(small, "non_reasoning_data", origin="chat_sft_data", trace_id="c1")
    small.tables.append("non_reasoning_data", small.tables.scan("non_reasoning_data").collect())
    assert not checks.non_reasoning_rows_are_unique(small.tables).passed


@pytest.mark.parametrize(
    ("component", "answer", "passed"),
    [
        pytest.param("non_reasoning_data", "Hello.", True, id="plain-chat"),
        pytest.param("non_reasoning_data", "<think>\nhm\n</think>\n\nHello.", True, id="chat-after-thinking"),
        pytest.param("non_reasoning_data", "<think>hm</think>Hello.", False, id="chat-with-another-form"),
        pytest.param("reasoning_data", "Hello.", False, id="reasoning-without-a-think-block"),
        pytest.param("cold_start_data", "<think>\nhm\n</think>\n\n", False, id="cold-start-without-an-answer"),
    ],
)
def test_conversations_of_the_mix(small, component, answer, passed):
    put(small, "sft_mix", component=component, messages=turns("Hi?", answer))
    assert conversations_are_well_formed(small.tables).passed == passed
