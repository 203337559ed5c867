"""Open answers: what no verifier decides about, from three tables, and what is labelled of it."""

import polars as pl
import pytest
from example_tables import filled_rows

from openreason_dagster.domain.datasets.open_answers import open_answers
from openreason_dagster.domain.datasets.safety_rows import choose_responses, labelled_rows, responses, with_whole_text
from openreason_dagster.domain.recipe_open_answers import SafetySet
from openreason_dagster.domain.schemas import SAFETY_SET
from openreason_dagster.domain.verification.safety_judge import Labelled

PROMPT = {"source": "s", "domain": "general", "language": "en", "license": "MIT"}


def talk(*contents):
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(contents)]


def trace(number, prompt, **changes):
    key = {"trace_id": f"t{number}", "prompt_id": prompt, "reasoning": "hm", "answer": f"answer {number}"}
    return key | {"finish_reason": "stop", "sampled_at": None} | changes


def verdict(number, prompt, found):
    return {"trace_id": f"t{number}", "prompt_id": prompt, "verdict": found, "is_correct": None, "verified_at": None}


@pytest.fixture
def tables():
    traces = [trace(1, "open"), trace(2, "open", finish_reason="length"), trace(3, "open", answer=" \n"),
              trace(4, "decided"), trace(5, "decided"), trace(6, "maths")]  # fmt: skip
    verdicts = [verdict(1, "open", "abstained"), verdict(4, "decided", "incorrect"), verdict(5, "decided", "error")]
    return {
        "chat_sft_data": filled_rows("chat_sft_data", [
            PROMPT | {"conversation_id": "c1", "prompt_id": "chat", "messages": talk("Hi", "Hello")},
            PROMPT | {"conversation_id": "c2", "prompt_id": "long", "messages": talk("Hi", "Hello", "Bye", "Bye")},
        ]),
        "cot_prompted_traces": filled_rows("cot_prompted_traces", [
            PROMPT | {"trace_id": "w1", "prompt_id": "chat", "reasoning": "They greet.", "answer": "Good day"},
            PROMPT | {"trace_id": "w2", "prompt_id": "rule", "answer": "kept it", "verdict": "correct", "source": "r",
                      "verifier_version": "instruction-1"},
            PROMPT | {"trace_id": "w3", "prompt_id": "rated", "reasoning": "They bid farewell.", "answer": "Good bye",
                      "verdict": "correct", "verifier_version": "rating-1:judge"},
        ]),
        "sampled_traces": filled_rows("sampled_traces", traces),
        "verified_traces": filled_rows("verified_traces", verdicts),
        "prompt_pool": filled_rows("prompt_pool", [
            PROMPT | {"prompt_id": "open", "source": "pool"}, PROMPT | {"prompt_id": "decided"},
            PROMPT | {"prompt_id": "maths", "domain": "math"},
        ]),
    }  # fmt: skip


def rules(**changes):
    return SafetySet(judge={"model": "j"}, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {"c1", "w1", "w3", "t1"}, id="single-exchanges-after-thinking-and-undecided"),
        pytest.param({"sources": ["pool"]}, {"t1"}, id="one-source"),
        pytest.param({"domains": ["math"]}, {"c1", "w1", "w3", "t6"}, id="other-domain-of-the-pool"),
    ],
)
def test_answers_that_nothing_decides_about(tables, changes, expected):
    found = open_answers(tables, rules(**changes)).collect()
    assert set(found["trace_id"]) == expected
    tables_of = {"c": "chat_sft_data", "w": "cot_prompted_traces", "t": "sampled_traces"}
    assert all(tables_of[name[0]] == origin for name, origin in found.select("trace_id", "origin").iter_rows())


def test_responses_that_are_labelled_and_those_that_are_not(tables):
    again = tables["chat_sft_data"].with_columns(conversation_id=pl.col("conversation_id") + "again")
    doubled = tables | {"chat_sft_data": pl.concat([tables["chat_sft_data"], again])}
    answers = open_answers(doubled, rules())
    chosen, dropped = choose_responses(answers, rules(answers=2))
    assert chosen["trace_id"].to_list() == ["c1", "t1"]
    assert dict(dropped.select("trace_id", "reason").iter_rows()) == {
        "c1again": "repeated",
        "w1": "over_row_limit",
        "w3": "over_row_limit",
    }


def test_a_response_too_long_to_be_seen_whole_is_not_labelled(tables):
    long = tables | {"cot_prompted_traces": tables["cot_prompted_traces"].with_columns(reasoning=pl.lit("x" * 99))}
    _, dropped = choose_responses(open_answers(long, rules()), rules(longest_answer=100))
    assert dropped.select("trace_id", "reason").rows() == [("w1", "over_long"), ("w3", "over_long")]


def test_rows_hold_the_whole_response_and_its_label(tables):
    answers = open_answers(tables, rules()).with_columns(cluster_id=pl.col("prompt_id")).sort("trace_id")
    rows = with_whole_text(answers, split=pl.lit("train")).collect()
    asked = responses(rows)
    labels = {each: Labelled(label="unsafe", reason="judged", why="because") for each in asked}
    found = labelled_rows(rows, labels, asked=asked, judge="j")
    assert found.schema == SAFETY_SET.schema
    texts = dict(found.select("trace_id", "answer").iter_rows())
    assert texts == {"c1": "Hello", "t1": "<think>\nhm\n</think>\n\nanswer 1",
                     "w1": "<think>\nThey greet.\n</think>\n\nGood day",
                     "w3": "<think>\nThey bid farewell.\n</think>\n\nGood bye"}  # fmt: skip
