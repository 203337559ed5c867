import json
import logging
import socket
import threading
import time
from collections import Counter

import pytest
from endpoint import KEY, QUICK, Table, expected_outcome, model_of, requests_of
from fault_server import RATES, FaultServer

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.records import Completion, Failure
from openreason_dagster.resources.engines.openai import OpenAIEngine
from openreason_dagster.resources.engines.patience import Patience

GOOD = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}


def answers(server, count=1, *, patience=QUICK, **changes):
    with OpenAIEngine(model_of(server.base_url, **changes), patience=patience) as engine:
        return list(engine.stream(iter(requests_of(count))))


@pytest.mark.slow
def test_a_thousand_requests_against_every_fault():
    requests = requests_of(1_000)
    with (
        FaultServer(seed=1) as server,
        OpenAIEngine(model_of(server.base_url, timeout_seconds=3.0, concurrency=16), patience=QUICK) as engine,
    ):
        results = list(engine.stream(iter(requests)))
    found = {
        result.request.trace_id: (result.text if isinstance(result, Completion) else result.error, result.attempts)
        for result in results
    }
    assert found == {request.trace_id: expected_outcome(request, 1, RATES) for request in requests}
    assert len(results) == len(requests)
    assert server.most_in_flight >= 2
    assert {result.error for result in results if isinstance(result, Failure)} >= {"http_400", "http_500"}


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


@pytest.mark.parametrize("fault", ["http_408", "http_409", "http_500", "http_502", "reset", "cut_body"])
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


def test_a_server_that_says_at_once_and_refuses_again_is_left_alone_for_longer():
    with FaultServer(script=["http_429"] * 4, retry_after="0") as server:
        started = time.monotonic()
        answers(server, patience=Patience(backoff_seconds=0.2))
    assert time.monotonic() - started > 0.2, "three of the four waits grow, each at least half of its back-off"


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
    [
        {"base_url": []},
        {"base_url": "http://[bad/v1"},
        {"base_url": "localhost:80/v1"},
        {"base_url": "http://user:sk-hidden@127.0.0.1:9/v1"},
        {"api_key": "sk-\n-x"},
        {"api_key": "sk-é"},
    ],
    ids=str,
)
def test_impossible_settings_are_refused_on_entering(changes):
    with pytest.raises(EngineError, match="'m'") as caught:
        OpenAIEngine(model_of(**({"base_url": "http://127.0.0.1:9/v1"} | changes))).__enter__()
    assert "sk-" not in str(caught.value)


def test_a_server_that_dies_leaves_what_came():
    table = Table()
    with (
        FaultServer(rates={}, closes_after=50) as server,
        OpenAIEngine(model_of(server.base_url, concurrency=4), patience=QUICK) as engine,
        pytest.raises(EngineError, match=r"no reply from .* every connection was lost. Start the server again"),
    ):
        table.fill(engine, iter(requests_of(200)))
    assert 47 <= len(table.completions) <= 50  # the last ones may be in flight when the server dies
    assert not table.failures


def test_a_server_that_comes_back_in_time_is_gone_on_with():
    with (
        FaultServer(rates={}) as server,
        OpenAIEngine(
            model_of(server.base_url, concurrency=4),
            patience=Patience(backoff_seconds=0.01, longest_wait_seconds=0.05, gone_seconds=60.0),
        ) as engine,
    ):
        results = engine.stream(iter(requests_of(100)))
        came = [next(results) for _ in range(20)]
        server.die()
        threading.Timer(0.3, server.revive).start()
        came += results
    assert len(came) == 100
    assert all(isinstance(result, Completion) for result in came)


def test_a_server_that_hangs_ends_the_run():
    patience = Patience(backoff_seconds=0.001, longest_wait_seconds=0.01, gone_seconds=0.1, losses_in_a_row=3)
    with (
        FaultServer(rates={"hang": 1.0}) as server,
        OpenAIEngine(model_of(server.base_url, timeout_seconds=0.3, concurrency=4), patience=patience) as engine,
        pytest.raises(EngineError, match="no reply"),
    ):
        list(engine.stream(iter(requests_of(200))))
    assert len(server.requests) < 30


@pytest.mark.parametrize("fault", ["http_429", "http_503"])
def test_being_put_off_costs_no_attempt(fault):
    with FaultServer(script=[fault] * 9) as server:
        (result,) = answers(server)
    assert isinstance(result, Completion)
    assert (result.attempts, server.attempts.total()) == (1, 10)


@pytest.mark.parametrize("retry_after", ["0", None])
def test_a_server_that_refuses_everything_for_long_ends_the_run(retry_after):
    with (
        FaultServer(rates={"http_429": 1.0}, retry_after=retry_after) as server,
        pytest.raises(EngineError, match=r"refused every request.*Set `requests_per_minute`"),
    ):
        answers(server, 20, patience=Patience(backoff_seconds=0.05, refused_seconds=0.3, uncounted_tries=10**9))


def test_a_request_that_is_put_off_for_ever_fails():
    patience = Patience(backoff_seconds=0.0, refused_seconds=60.0, uncounted_tries=5)
    with FaultServer(rates={"http_429": 1.0}) as server:
        (result,) = answers(server, patience=patience)
    assert (result.error, result.attempts, len(server.requests)) == ("http_429", 1, 5)


def test_concurrency_follows_the_server():
    with FaultServer(rates={}, most_at_once=5, seconds=0.005, retry_after=None) as server:
        results = answers(server, 300, concurrency=32)
    assert len(results) == 300
    assert all(isinstance(result, Completion) for result in results)
    refused = len(server.requests) - 300
    assert refused < 150  # without adapting it would be several times as many as are answered


def test_a_wish_to_wait_holds_for_all_requests():
    started = time.monotonic()
    with FaultServer(script=["http_429"], retry_after="0.4") as server:
        answers(server, 8, concurrency=2, patience=Patience(backoff_seconds=0.001))
    assert time.monotonic() - started > 0.4


def test_requests_per_minute():
    started = time.monotonic()
    with (
        FaultServer(rates={}) as server,
        OpenAIEngine(model_of(server.base_url, requests_per_minute=5)) as engine,
    ):
        results = engine.stream(iter(requests_of(20)))
        came = [next(results) for _ in range(5)]
        time.sleep(0.5)
        results.close()
    assert len(came) == len(server.requests) == 5
    assert time.monotonic() - started < 20


def test_tokens_per_minute_count_what_was_used():
    """A request reserves its 100 tokens and more, and gives back all but the 12 it used."""
    with (
        FaultServer(rates={}) as server,
        OpenAIEngine(model_of(server.base_url, tokens_per_minute=300, concurrency=1)) as engine,
    ):
        results = engine.stream(iter(requests_of(20, max_tokens=100)))
        came = [next(results) for _ in range(10)]
        time.sleep(0.5)
        results.close()
    assert len(came) == 10
    assert 10 <= len(server.requests) <= 12


def test_a_slow_replica_gets_fewer_requests():
    with (
        FaultServer(rates={}, seconds=1.0) as slow,
        FaultServer(rates={}, seconds=0.005) as fast,
        OpenAIEngine(model_of([slow.base_url, fast.base_url], concurrency=8)) as engine,
    ):
        results = list(engine.stream(iter(requests_of(200))))
    assert len(results) == 200
    assert 4 <= len(slow.requests) < len(fast.requests) / 2


def test_one_of_two_replicas_dies_and_comes_back():
    with (
        FaultServer(rates={}) as first,
        FaultServer(rates={}) as second,
        OpenAIEngine(model_of([first.base_url, second.base_url], concurrency=8), patience=QUICK) as engine,
    ):
        results = engine.stream(iter(requests_of(600)))
        came = [next(results) for _ in range(50)]
        first.die()
        before = len(first.requests)
        came += [next(results) for _ in range(200)]
        first.revive()
        came += results
    assert len(came) == 600
    assert all(isinstance(result, Completion) for result in came)
    assert len(first.requests) > before


def test_a_replica_that_is_dead_at_the_start_is_named(caplog):
    with FaultServer(rates={}) as dead:
        pass
    with (
        FaultServer(rates={}) as server,
        caplog.at_level(logging.WARNING),
        OpenAIEngine(model_of([dead.base_url, server.base_url]), patience=QUICK) as engine,
    ):
        results = list(engine.stream(iter(requests_of(50))))
    assert all(isinstance(result, Completion) for result in results)
    assert f"{dead.base_url} does not answer and is set aside" in caplog.text


def test_all_replicas_dead_at_the_start():
    with FaultServer(rates={}) as first, FaultServer(rates={}) as second:
        pass
    with pytest.raises(EngineError, match=f"no server answers at {first.base_url}, {second.base_url}"):
        OpenAIEngine(model_of([first.base_url, second.base_url])).__enter__()


def test_samples_asked_together():
    with FaultServer(rates={}) as server, OpenAIEngine(model_of(server.base_url, samples_per_request=4)) as engine:
        results = list(engine.stream(iter(requests_of(3, samples=6, logprobs=True))))
    sent = Counter((request["messages"][0]["content"], request.get("n", 1)) for request in server.requests)
    assert sent == {(f"question {index}", count): 1 for index in range(3) for count in (4, 2)}
    assert len({result.request.trace_id for result in results}) == len({result.text for result in results}) == 18
    assert not any(result.used_seed for result in results)
    assert {(result.prompt_tokens, result.completion_tokens) for result in results} == {(5, None)}
    billed = Counter((result.request.prompt_id, result.billed_tokens) for result in results)
    assert billed == {
        (str(index), bill): count for index in range(3) for bill, count in (((5, 28), 1), ((5, 14), 1), ((0, 0), 4))
    }
    assert server.requests[0]["logprobs"] is True


def test_a_sample_alone_keeps_its_seed():
    with FaultServer(rates={}) as server:
        results = answers(server, 3, samples_per_request=4)
    assert all(result.used_seed for result in results)
    assert {result.completion_tokens for result in results} == {7}
    assert not any("n" in request for request in server.requests)


@pytest.mark.parametrize(
    ("faults", "sent", "attempts"),
    [
        pytest.param({"most_choices": 1}, [4, 1, 1, 1], [1, 2, 2, 2], id="server-that-knows-no-n"),
        pytest.param({"script": ["too_few_choices"]}, [4, 1], [1, 1, 1, 2], id="one-missing"),
        pytest.param({"script": ["too_many_choices"]}, [4], [1, 1, 1, 1], id="one-too-many"),
        pytest.param({"script": ["http_400"]}, [4, 1, 1, 1, 1], [2, 2, 2, 2], id="refuses-n"),
        pytest.param({"script": ["empty_choices"]}, [4, 1, 1, 1, 1], [2, 2, 2, 2], id="empty"),
        pytest.param({"script": ["http_429"]}, [4, 4], [1, 1, 1, 1], id="put-off"),
        pytest.param({"script": ["reset"]}, [4, 1, 1, 1, 1], [2, 2, 2, 2], id="lost"),
    ],
)
def test_samples_that_are_missing_are_asked_alone(faults, sent, attempts):
    with (
        FaultServer(**({"rates": {}} | faults)) as server,
        OpenAIEngine(model_of(server.base_url, samples_per_request=4), patience=QUICK) as engine,
    ):
        results = list(engine.stream(iter(requests_of(1, samples=4))))
    assert [request.get("n", 1) for request in server.requests] == sent
    assert sorted(result.attempts for result in results) == attempts
    assert len({result.request.trace_id for result in results}) == 4
    assert [result.used_seed for result in results] == [result.attempts == 2 for result in results]


def test_a_server_that_knows_no_n_answers_even_if_each_request_is_tried_once():
    with (
        FaultServer(rates={}, most_choices=1) as server,
        OpenAIEngine(model_of(server.base_url, samples_per_request=4, max_attempts=1), patience=QUICK) as engine,
    ):
        results = list(engine.stream(iter(requests_of(1, samples=4))))
    assert [type(result) for result in results] == [Completion] * 4


def test_seeds_are_not_used_where_none_is_sent():
    with FaultServer(rates={}) as server:
        (result,) = answers(server, sends_seed="no")
    assert not result.used_seed


def test_text_completions():
    requests = requests_of(1, logprobs=True)
    with FaultServer(rates={}) as server, OpenAIEngine(model_of(server.base_url, api="completions")) as engine:
        (result,) = engine.stream(iter(requests))
    assert server.requests[0]["prompt"] == "question 0"
    assert server.requests[0]["logprobs"] == 1
    assert "messages" not in server.requests[0]
    assert isinstance(result, Completion)


def test_a_consumer_that_stops_leaves_nothing_behind():
    with FaultServer(rates={}) as server, OpenAIEngine(model_of(server.base_url)) as engine:
        results = engine.stream(iter(requests_of(500)))
        next(results)
        results.close()
    assert len(server.requests) < 200


def test_the_environments_proxy_is_asked(monkeypatch):
    with FaultServer(rates={}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base_url.removesuffix("/v1"))
        with OpenAIEngine(model_of("http://model.invalid/v1")) as engine:
            assert len(list(engine.stream(iter(requests_of(3))))) == 3
        assert len(proxy.requests) == 3
        monkeypatch.setenv("no_proxy", "model.invalid")
        with pytest.raises(EngineError, match="no server answers"):
            OpenAIEngine(model_of("http://model.invalid/v1"), patience=QUICK).__enter__()


def test_environment_tells_no_secret():
    model = model_of("http://user:hidden@localhost:1/v1?token=hidden")
    environment = OpenAIEngine(model).environment()
    assert environment["address"] == "http://localhost:1/v1"
    assert KEY not in json.dumps(environment)
    assert "hidden" not in json.dumps(environment)
    several = OpenAIEngine(model_of(["http://a/v1", "http://u:hidden@b/v1"])).environment()
    assert several["address"] == "http://a/v1, http://b/v1"


def test_the_engine_must_be_entered():
    with pytest.raises(EngineError, match="not open"):
        next(OpenAIEngine(model_of("http://localhost:1/v1")).stream(iter(requests_of(1))))
