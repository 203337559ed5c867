import json
import socket
import time
from collections import Counter

import pytest

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.sampler import sample
from openreason_dagster.domain.records import Completion, Failure, Message, Request, SamplingParameters
from openreason_dagster.resources.engines.chat_client import Patience
from openreason_dagster.resources.engines.openai import OpenAIEngine
from tests.fault_server import ERRORS, FaultServer, planned_fault, text_for

KEY = "sk-very-secret"
QUICK = Patience(backoff_seconds=0.001, longest_wait_seconds=0.01)
GOOD = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}


def model_of(base_url, **changes):
    values = {
        "name": "m",
        "revision": "1",
        "license": "x",
        "engine": "openai",
        "base_url": base_url,
        "served_model": "served",
        "api_key": KEY,
        "timeout_seconds": 20.0,
    }
    return OpenAIModel.from_values(values | changes, path=None)


def requests_of(count, **changes):
    parameters = SamplingParameters(**({"temperature": 0.6, "top_p": 0.9, "top_k": None, "max_tokens": 8} | changes))
    return [
        Request(
            trace_id=str(index),
            prompt_id=str(index),
            prompt=f"question {index}",
            messages=(Message(role="user", content=f"question {index}"),),
            temperature_key="0.6",
            sample_index=0,
            seed=2**63 - 1 - index,
            parameters=parameters,
        )
        for index in range(count)
    ]


def answers(server, count=1, *, patience=QUICK, **changes):
    with OpenAIEngine(model_of(server.base_url, **changes), patience=patience) as engine:
        return list(engine.stream(iter(requests_of(count))))


def expected_outcome(request, seed):
    """(error or text, attempts) by the server's schedule."""
    for attempt in (1, 2, 3):
        fault = planned_fault(seed, request.prompt, attempt)
        if fault is None:
            return text_for(request.prompt, request.seed), attempt
        if attempt == 3 or fault == "http_400":
            break
    return ERRORS[fault], attempt


@pytest.mark.slow
def test_a_thousand_requests_against_every_fault():
    requests = requests_of(1_000)
    with (
        FaultServer(seed=1) as server,
        OpenAIEngine(model_of(server.base_url, timeout_seconds=2.0, concurrency=16), patience=QUICK) as engine,
    ):
        results = list(engine.stream(iter(requests)))
    found = {
        result.request.trace_id: (result.text if isinstance(result, Completion) else result.error, result.attempts)
        for result in results
    }
    assert found == {request.trace_id: expected_outcome(request, 1) for request in requests}
    assert len(results) == len(requests)
    assert server.most_in_flight >= 2
    assert {result.error for result in results if isinstance(result, Failure)} >= {"http_400", "http_429", "http_500"}


def test_concurrency_is_bounded():
    with FaultServer(rates={}) as server:
        assert len(answers(server, 60, concurrency=3)) == 60
    assert server.most_in_flight <= 3


def test_what_is_sent():
    requests = requests_of(1, top_k=7, stop=("END",))
    with FaultServer(rates={}) as server, OpenAIEngine(model_of(server.base_url)) as engine:
        list(engine.stream(requests))
    assert server.requests == [
        {
            "model": "served",
            "messages": [{"role": "user", "content": "question 0"}],
            "temperature": 0.6,
            "top_p": 0.9,
            "max_tokens": 8,
            "top_k": 7,
            "stop": ["END"],
            "seed": 2**63 - 1,
        }
    ]
    assert server.authorizations == {f"Bearer {KEY}"}


def test_no_seed_where_the_server_refuses_it():
    with FaultServer(rates={}) as server:
        answers(server, sends_seed="no")
    assert "seed" not in server.requests[0]
    assert "top_k" not in server.requests[0]


@pytest.mark.parametrize(
    ("choice", "usage", "expected"),
    [
        pytest.param(
            {"message": {"content": "a"}, "finish_reason": "length"}, {}, ("a", None, "length", None), id="length"
        ),
        pytest.param(
            {"message": {"content": "a", "reasoning_content": "r"}, "finish_reason": "stop"},
            {"completion_tokens": 3},
            ("a", "r", "stop", 3),
            id="reasoning-content",
        ),
        pytest.param(
            {"message": {"content": "a", "reasoning": "r"}, "finish_reason": "stop"},
            {},
            ("a", "r", "stop", None),
            id="reasoning",
        ),
        pytest.param(
            {"message": {"content": None, "reasoning_content": "r"}, "finish_reason": "length"},
            {},
            ("", "r", "length", None),
            id="cut-off-while-thinking",
        ),
        pytest.param(
            {"message": {"content": "a", "reasoning_content": ""}, "finish_reason": "stop"},
            {},
            ("a", None, "stop", None),
            id="empty-reasoning",
        ),
        pytest.param(
            {"message": {"content": "a\ud83d"}, "finish_reason": "stop"},
            {},
            ("a\ufffd", None, "stop", None),
            id="lone-surrogate",
        ),
        pytest.param(
            {"message": {"content": "a"}, "finish_reason": "stop"},
            {"completion_tokens": "many"},
            ("a", None, "stop", None),
            id="odd-usage",
        ),
    ],
)
def test_a_reply_becomes_a_completion(choice, usage, expected):
    with FaultServer(rates={}, reply={"choices": [choice], "usage": usage}) as server:
        (result,) = answers(server)
    assert (result.text, result.reasoning, result.finish_reason, result.completion_tokens) == expected


@pytest.mark.parametrize(
    ("reply", "error", "attempts"),
    [
        pytest.param({"choices": []}, "empty_choices", 3, id="empty"),
        pytest.param({"choices": [7]}, "malformed_reply", 3, id="choice-is-a-number"),
        pytest.param({"choices": [{"finish_reason": "stop"}]}, "malformed_reply", 3, id="no-message"),
        pytest.param({"choices": [{"message": {}, "finish_reason": "stop"}]}, "malformed_reply", 3, id="no-text"),
        pytest.param({"choices": [{"message": {"content": "a"}}]}, "malformed_reply", 3, id="no-finish-reason"),
        pytest.param(
            {"choices": [{"message": {"content": "a"}, "finish_reason": "content_filter"}]},
            "finish_reason",
            1,
            id="filtered",
        ),
        pytest.param(b"<html>Bad gateway</html>", "malformed_reply", 3, id="html"),
        pytest.param(b"[" * 200_000, "malformed_reply", 3, id="nested-beyond-recursion"),
        pytest.param(b"\xff\xfe", "malformed_reply", 3, id="not-text"),
        pytest.param(b" " * 2_000, "malformed_reply", 1, id="too-long"),
    ],
)
def test_garbage_becomes_a_failure(reply, error, attempts):
    patience = Patience(backoff_seconds=0.001, reply_bytes=1_000 if reply == b" " * 2_000 else 10**6)
    with FaultServer(rates={}, reply=reply) as server:
        (result,) = answers(server, patience=patience)
    assert isinstance(result, Failure)
    assert (result.error, result.attempts) == (error, attempts)


@pytest.mark.parametrize("fault", ["http_408", "http_409", "http_429", "http_500", "http_502"])
def test_passing_trouble_is_tried_again(fault):
    with FaultServer(script=[fault, fault]) as server:
        (result,) = answers(server)
    assert isinstance(result, Completion)
    assert result.attempts == 3


@pytest.mark.parametrize("fault", ["http_400", "http_413", "http_422"])
def test_a_refused_request_is_not_tried_again(fault):
    with FaultServer(script=[fault]) as server:
        (result,) = answers(server)
    assert (result.error, result.attempts) == (fault, 1)
    assert KEY not in result.message
    assert "[api key]" in result.message


@pytest.mark.parametrize(
    "retry_after", ["0", "0.0", "Wed, 21 Oct 2015 07:28:00 GMT"], ids=["seconds", "fraction", "date"]
)
def test_the_servers_wish_goes_before_our_back_off(retry_after):
    started = time.monotonic()
    with FaultServer(script=["http_429"], retry_after=retry_after) as server:
        answers(server, patience=Patience(backoff_seconds=60.0))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("retry_after", ["3600", "soon"])
def test_no_wait_is_longer_than_the_limit(retry_after):
    started = time.monotonic()
    with FaultServer(script=["http_429"], retry_after=retry_after) as server:
        answers(server, patience=Patience(backoff_seconds=60.0, longest_wait_seconds=0.01))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("fault", "remedy"), [("http_401", "api_key"), ("http_403", "api_key"), ("http_404", "base_url")]
)
def test_a_server_that_refuses_everything_ends_the_run(fault, remedy):
    with FaultServer(script=[fault] * 3) as server, pytest.raises(EngineError, match=remedy) as caught:
        answers(server)
    assert KEY not in str(caught.value)


def test_an_unreachable_server_is_named_on_entering():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(EngineError, match=f"no server answers at {address}.*Start the server"):
            OpenAIEngine(model_of(address)).__enter__()


@pytest.mark.parametrize(
    "changes",
    [{"base_url": "http://[bad/v1"}, {"base_url": "localhost:80/v1"}, {"api_key": "sk-\n-x"}, {"api_key": "sk-é"}],
    ids=str,
)
def test_impossible_settings_are_refused_on_entering(changes):
    with pytest.raises(EngineError, match="'m'") as caught:
        OpenAIEngine(model_of(**({"base_url": "http://127.0.0.1:9/v1"} | changes))).__enter__()
    assert "sk-" not in str(caught.value)


def test_a_server_that_dies_leaves_what_came():
    committed, requests = [], requests_of(200)
    with (
        FaultServer(rates={}, closes_after=50) as server,
        OpenAIEngine(model_of(server.base_url, concurrency=4), patience=QUICK) as engine,
        pytest.raises(EngineError, match="in a row"),
    ):
        sample(
            engine,
            iter(requests),
            lambda completions, failures: committed.extend([*completions, *failures]),
            totals={"0.6": 200},
            commit_rows=7,
            commit_seconds=60,
            progress=lambda _: None,
        )
    counts = Counter(type(result).__name__ for result in committed)
    assert counts["Completion"] == 50
    assert counts["Failure"] < 32
    assert len({result.request.trace_id for result in committed}) == len(committed)


def test_a_consumer_that_stops_leaves_nothing_behind():
    with FaultServer(rates={}) as server, OpenAIEngine(model_of(server.base_url)) as engine:
        results = engine.stream(iter(requests_of(500)))
        next(results)
        results.close()
    assert len(server.requests) < 200


def test_environment_tells_no_secret():
    model = model_of("http://user:hidden@localhost:1/v1?token=hidden")
    environment = OpenAIEngine(model).environment()
    assert environment["address"] == "http://localhost:1/v1"
    assert KEY not in json.dumps(environment)
    assert "hidden" not in json.dumps(environment)


def test_the_engine_must_be_entered():
    with pytest.raises(EngineError, match="not open"):
        next(OpenAIEngine(model_of("http://localhost:1/v1")).stream(iter(requests_of(1))))
