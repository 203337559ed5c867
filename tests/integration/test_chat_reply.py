import json
import math

import pytest

from openreason_dagster.resources.engines.chat_reply import AttemptFailure, read_reply

TOKENS = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": 0}]


def chat(**choice):
    return {"message": {"content": "x"}, "finish_reason": "stop"} | choice


def read(*choices, api="chat", usage=None):
    return read_reply(json.dumps({"choices": choices, "usage": usage}).encode(), api)


@pytest.mark.parametrize(
    ("logprobs", "expected"),
    [
        pytest.param({"content": TOKENS}, (-0.5, 0.0), id="chat"),
        pytest.param({"token_logprobs": [-1, -2.5]}, (-1.0, -2.5), id="text"),
        pytest.param({"content": None, "token_logprobs": [-1]}, (-1.0,), id="both-keys"),
        pytest.param(None, None, id="not-asked-for"),
        pytest.param({"content": []}, (), id="no-tokens"),
        pytest.param({"content": [*TOKENS, {"token": "c"}]}, None, id="one-lacks-it"),
        pytest.param({"token_logprobs": [None, -1.0]}, None, id="null"),
        pytest.param({"token_logprobs": [-math.inf]}, None, id="infinite"),
        pytest.param({"token_logprobs": [math.nan]}, None, id="not-a-number"),
        pytest.param({"token_logprobs": [True]}, None, id="boolean"),
        pytest.param({"token_logprobs": {"0": -1}}, None, id="not-a-list"),
        pytest.param([-1.0], None, id="not-an-object"),
    ],
)
def test_logprobs(logprobs, expected):
    (choice,) = read(chat(logprobs=logprobs)).choices
    assert choice.token_logprobs == expected


@pytest.mark.parametrize(
    ("count", "logprobs", "expected"),
    [
        pytest.param(1, None, 9, id="one-sample-has-the-servers-count"),
        pytest.param(2, None, None, id="a-sum-is-no-samples-count"),
        pytest.param(2, {"content": TOKENS}, 2, id="probabilities-tell"),
    ],
)
def test_completion_tokens(count, logprobs, expected):
    reply = read(*[chat(logprobs=logprobs)] * count, usage={"prompt_tokens": 4, "completion_tokens": 9})
    assert [reply.completion_tokens_of(choice) for choice in reply.choices] == [expected] * count
    assert (reply.prompt_tokens, reply.tokens) == (4, 13)


def test_one_bad_sample_does_not_spoil_the_others():
    reply = read(chat(), 7, chat(finish_reason="content_filter"), chat(message={"content": "y"}))
    good, malformed, filtered, other = reply.choices
    assert (good.text, other.text) == ("x", "y")
    assert (malformed.error, malformed.is_final) == ("malformed_reply", False)
    assert (filtered.error, filtered.is_final) == ("finish_reason", True)


def test_text_completions():
    (choice,) = read({"text": "<think>a</think>b\ud83d", "finish_reason": "length"}, api="completions").choices
    assert (choice.text, choice.reasoning, choice.finish_reason) == ("<think>a</think>b\ufffd", None, "length")
    (failed,) = read(chat(), api="completions").choices
    assert isinstance(failed, AttemptFailure)
