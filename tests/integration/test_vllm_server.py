"""The `openai` engine against a real `vllm serve`."""

import importlib.util
import math
from dataclasses import replace

import pytest
from endpoint import model_of, requests_of
from small_workspace import STARTER_MODELS
from vllm_server import SERVED_MODEL, VllmServer

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.records import Completion, Failure, Message, ThinkState
from openreason_dagster.resources.engines.openai import OpenAIEngine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="needs the package vllm"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with VllmServer(STARTER_MODELS / "starter-base", tmp_path_factory.mktemp("vllm") / "server.log") as running:
        yield running


@pytest.fixture
def ask(server):
    def results(requests, **changes):
        model = model_of(server.base_url, served_model=SERVED_MODEL, timeout_seconds=120.0, **changes)
        with OpenAIEngine(model) as engine:
            return sorted(engine.stream(iter(requests)), key=lambda result: result.request.trace_id)

    return results


def sums(count, **changes):
    """Requests for sums, for which the model has an answer."""
    values = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 100} | changes
    return [question(request) for request in requests_of(count, **values)]


def question(request, text=None):
    index = int(request.prompt_id)
    content = text or f"What is {11 + index} + {7 * index}?"
    return replace(request, messages=(Message(role="user", content=content),))


def test_chat_with_reasoning_apart(ask):
    results = ask(sums(12))
    assert all(isinstance(result, Completion) for result in results)
    assert {result.attempts for result in results} == {1}
    finished = [result for result in results if result.finish_reason == "stop"]
    assert any("\\boxed{" in result.text and result.reasoning for result in finished)
    assert all(result.prompt_tokens and 1 <= result.completion_tokens <= 100 for result in results)
    states = {split_completion(result.text, result.opened_think, result.reasoning).think_state for result in finished}
    assert states == {ThinkState.SEPARATE}


def test_a_seed_gives_the_same_text(ask):
    first, second = ask(sums(8, temperature=1.5)), ask(sums(8, temperature=1.5), concurrency=1)
    assert [(result.reasoning, result.text) for result in first] == [
        (result.reasoning, result.text) for result in second
    ]
    assert all(result.used_seed for result in first)


def test_samples_asked_together(ask):
    requests = [question(request) for request in requests_of(2, samples=4, temperature=2.0, max_tokens=40)]
    results = ask(requests, samples_per_request=4)
    assert [result.request.trace_id for result in results] == [request.trace_id for request in requests]
    assert all(isinstance(result, Completion) for result in results)
    assert len({(result.reasoning, result.text) for result in results}) > 4
    assert not any(result.used_seed for result in results)
    assert {result.completion_tokens for result in results} == {None}


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize("samples", [1, 3])
def test_logprobs(ask, api, samples):
    requests = [
        question(request)
        for request in requests_of(1, samples=samples, temperature=1.0, top_p=1.0, max_tokens=20, logprobs=True)
    ]
    for result in ask(requests, api=api, samples_per_request=samples):
        assert isinstance(result, Completion)
        assert len(result.token_logprobs) == result.completion_tokens
        assert all(math.isfinite(value) and value <= 0 for value in result.token_logprobs)


def test_no_logprobs_where_none_were_asked_for(ask):
    assert {result.token_logprobs for result in ask(sums(2))} == {None}


def test_text_completions_go_on_with_the_prompt(ask):
    (request,) = requests_of(1, temperature=0.0, max_tokens=40)
    prompt = "<|user|>What is 12 + 5?<|end|><|assistant|><think>\n"
    (result,) = ask([question(request, prompt)], api="completions")
    assert result.opened_think
    split = split_completion(result.text, result.opened_think, result.reasoning)
    assert split.think_state is ThinkState.OPENED_BY_TEMPLATE
    assert "boxed{17}" in split.answer


def test_stop_texts_are_cut_off(ask):
    (request,) = requests_of(1, temperature=0.0, max_tokens=60, stop=("boxed",))
    prompt = "<|user|>What is 12 + 5?<|end|><|assistant|><think>\n"
    (result,) = ask([question(request, prompt)], api="completions")
    assert result.finish_reason == "stop"
    assert result.text.endswith("\\")
    assert "boxed" not in result.text


def test_max_tokens_truncate(ask):
    assert {(result.finish_reason, result.completion_tokens) for result in ask(sums(2, max_tokens=3))} == {
        ("length", 3)
    }


@pytest.mark.parametrize("samples", [1, 2])
def test_a_prompt_that_is_too_long_fails_at_once(ask, samples):
    requests = [question(request, "1 + " * 3_000) for request in requests_of(1, samples=samples, max_tokens=8)]
    for result in ask(requests, samples_per_request=samples):
        assert isinstance(result, Failure)
        assert (result.error, result.attempts) == ("http_400", samples)
        assert "maximum context length" in result.message


def test_an_unknown_model_ends_the_run(ask, server):
    with (
        pytest.raises(EngineError, match=r"HTTP 404.*served_model"),
        OpenAIEngine(model_of(server.base_url, served_model="nobody")) as engine,
    ):
        list(engine.stream(iter(requests_of(1))))
