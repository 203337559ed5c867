"""A policy's completions are read in every form trainers hand them over, and not answering is wrong."""

import polars as pl
import pytest

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.rewards.policy import completions_of, policy_traces, with_verdicts
from openreason_dagster.domain.verification.workers import Workers

GOOD = "<think>\n2 + 3 is 5\n</think>\n\n5"


@pytest.fixture(scope="module")
def workers():
    with Workers(count=1, timeout_seconds=2, memory_megabytes=2048) as processes:
        yield processes


def traces(*contents, prompts=None, opened_think=False, **columns):
    return policy_traces(completions_of(contents, prompts, opened_think=opened_think), columns)


@pytest.mark.parametrize(
    ("content", "reasoning", "answer", "state"),
    [
        pytest.param(GOOD, "\n2 + 3 is 5\n", "\n\n5", "opened_by_model", id="text"),
        pytest.param(
            [{"role": "assistant", "content": GOOD}], "\n2 + 3 is 5\n", "\n\n5", "opened_by_model", id="messages"
        ),
        pytest.param(
            [{"role": "assistant", "content": "5", "reasoning_content": "so"}], "so", "5", "separate", id="separate"
        ),
        pytest.param(
            [{"role": "assistant", "content": "4"}, {"role": "tool", "content": "x"},
             {"role": "assistant", "content": "5"}], "", "5", "absent", id="last-assistant-turn",
        ),
        pytest.param([{"role": "assistant", "content": None}], "", "", "absent", id="no-content"),
        pytest.param([], "", "", "absent", id="no-messages"),
        pytest.param("five \ud800", "", "five ?", "absent", id="no-utf8-form"),
    ],
)  # fmt: skip
def test_completion_is_read(content, reasoning, answer, state):
    row = traces(content).row(0, named=True)
    assert (row["reasoning"], row["answer"], row["think_state"]) == (reasoning, answer, state)


@pytest.mark.parametrize(
    ("prompt", "opened", "state"),
    [
        pytest.param("User: hi\nAssistant: <think>\n", False, "unclosed", id="prompt-says-so"),
        pytest.param([{"role": "user", "content": "<think>"}], False, "absent", id="messages-do-not"),
        pytest.param([{"role": "user", "content": "hi"}], True, "unclosed", id="caller-says-so"),
    ],
)
def test_block_that_the_prompt_opened_and_nobody_closed(prompt, opened, state):
    assert traces("so 5", prompts=[prompt], opened_think=opened)["think_state"].to_list() == [state]


@pytest.mark.parametrize(
    ("content", "columns", "expected"),
    [
        pytest.param(GOOD, {}, True, id="right"),
        pytest.param("<think>\nx\n</think>\n\n6", {}, False, id="wrong"),
        pytest.param("<think>\nx\n</think>\n\n", {}, False, id="empty-answer-is-wrong-for-a-policy"),
        pytest.param("<think>\nnever ends", {}, False, id="no-answer-is-wrong-for-a-policy"),
        pytest.param(GOOD, {"verifier": ["exact"]}, True, id="verifier-of-the-row"),
        pytest.param(GOOD, {"verifier": ["choice"], "verifier_spec": ["no json"]}, None, id="bad-reference-is-unknown"),
    ],
)
def test_verdicts_of_a_policy(workers, content, columns, expected):
    found = with_verdicts(traces(content, reference_answer=["5"], **columns), workers)
    assert found["is_correct"].to_list() == [expected]


def test_a_missing_reference_among_others_is_unknown(workers):
    found = with_verdicts(traces(GOOD, GOOD, reference_answer=["5", None]), workers)
    assert found["is_correct"].to_list() == [True, None]


def test_columns_that_cannot_be_used_are_named(workers):
    with pytest.raises(VerificationError, match="reference_answer"):
        with_verdicts(traces(GOOD), workers)
    with pytest.raises(VerificationError, match=r"`verifier`.*list of 1 values"):
        traces(GOOD, verifier="math")
    with pytest.raises(VerificationError, match="list of 1 values"):
        traces(GOOD, reference_answer=["5", "6"])


def test_no_completions_are_no_rows(workers):
    assert with_verdicts(traces(), workers).is_empty()
    assert traces().schema["answer"] == pl.String
