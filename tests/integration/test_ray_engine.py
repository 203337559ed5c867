import signal
import sys
from pathlib import Path

import psutil
import pytest

import openreason_dagster
from openreason_dagster.domain.catalogue_entry import RayModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.records import Completion, Failure, Message, Request, SamplingParameters
from openreason_dagster.resources.engines.ray import RayEngine
from openreason_dagster.resources.ray_cluster import RayCluster
from tests.processes import command_of, is_running, running_below

pytest.importorskip("vllm", reason="the extra [vllm] is not installed")
pytest.importorskip("ray", reason="the extra [ray] is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray uses much of pydantic's and its own old interfaces
]
MODELS = Path(openreason_dagster.__file__).parent / "starter_models"
QUESTION = "What is 8 + 4?"


@pytest.fixture(scope="module")
def cluster():
    with RayCluster() as joined:
        yield joined


def engine_of(cluster, **changes):
    values = {"name": "starter-base", "revision": "1", "license": "x", "engine": "ray", "path": "./starter-base"}
    settings = {
        "dtype": "float32",
        "concurrency": 32,
        "compile": False,
        "gpus_per_replica": 0,
        "rows_per_batch": 8,
    }
    return RayEngine(RayModel.from_values(values | settings | changes, path=None), MODELS, cluster)


def request_of(
    number, *, question=QUESTION, seed=None, temperature=0.6, max_tokens=60, stop=(), logprobs=False, system=None
):
    messages = (Message(role="user", content=question),)
    return Request(
        trace_id=str(number),
        prompt_id=question,
        prompt=question,
        messages=(Message(role="system", content=system), *messages) if system else messages,
        temperature_key=str(temperature),
        sample_index=0,
        seed=number * 7919 + 2**62 if seed is None else seed,
        parameters=SamplingParameters(
            temperature=temperature, top_p=0.95, top_k=40, max_tokens=max_tokens, stop=stop, logprobs=logprobs
        ),
    )


def answers(engine, requests):
    results = list(engine.stream(iter(requests)))
    assert sorted(result.request.trace_id for result in results) == sorted(
        request.trace_id for request in requests if request is not None
    )
    return {result.request.trace_id: result for result in results}


def test_everything_a_request_may_ask_for(cluster):
    requests = [
        *(request_of(number, temperature=(0.0, 0.6, 1.2)[number % 3], seed=number % 30) for number in range(60)),
        request_of(60, question="x" * 9000),
        request_of(61, temperature=3.0),
        request_of(62, stop=("</think>",), logprobs=True),
        request_of(63),
        request_of(64, max_tokens=3),
        request_of(65, system="Put the final answer in \\boxed{}."),
    ]
    with engine_of(cluster) as engine:
        found = answers(engine, requests)
        environment = engine.environment()
    assert isinstance(found["60"], Failure)
    assert found["60"].error == "prompt_too_long"
    assert found["61"].error == "refused"
    assert "temperature" in found["61"].message
    good = {key: result for key, result in found.items() if key not in {"60", "61"}}
    assert all(isinstance(result, Completion) and result.opened_think for result in good.values())
    assert {good[str(number)].text == good[str(number + 30)].text for number in range(30)} == {True}
    assert len({good[str(number)].text for number in range(0, 60, 3)}) == 1
    assert sum("\\boxed{12}" in result.text for result in good.values()) > 30
    assert all("<|end|>" not in result.text for result in good.values())
    assert good["62"].finish_reason == "stop"
    assert "</think>" not in good["62"].text
    assert len(good["62"].token_logprobs) == good["62"].completion_tokens
    assert all(value <= 0 for value in good["62"].token_logprobs)
    assert good["63"].token_logprobs is None
    assert (good["64"].finish_reason, good["64"].completion_tokens) == ("length", 3)
    assert good["65"].prompt_tokens > good["62"].prompt_tokens
    assert environment["engine"] == "ray"


def test_a_none_ends_what_is_handed_over_together_and_an_option_how_long_a_text_may_be(cluster, capfd):
    found = {}

    def feed():
        yield request_of(0, max_tokens=5)
        while not found:
            yield None
        yield request_of(1, max_tokens=1000, temperature=2.0)
        yield request_of(2, question="x" * 70)

    with engine_of(cluster, options={"max_model_len": 64}, maximum_length=128) as engine:
        for result in engine.stream(feed()):
            found[result.request.trace_id] = result
        assert engine.environment()["maximum_length"] == "64"
    assert next(iter(found)) == "0"
    assert found["1"].prompt_tokens + found["1"].completion_tokens <= 64
    assert found["2"].error == "prompt_too_long"
    shown = "".join(capfd.readouterr())
    assert "Progress bars" not in shown
    assert "execution finished" not in shown


def vllm_processes():
    """Every process below this one that holds weights."""
    kinds = ("vLLMEngineStage", "EngineCore")
    return [child for child in running_below(psutil.Process()) if any(kind in command_of(child) for kind in kinds)]


@pytest.mark.parametrize("kind", ["vLLMEngineStage", "EngineCore"])
def test_a_killed_worker_loses_nothing(cluster, kind):
    requests = [request_of(number, temperature=2.0, max_tokens=400) for number in range(120)]
    with engine_of(cluster, concurrency=8, rows_per_batch=4) as engine:
        stream = engine.stream(iter(requests))
        results = [next(stream)]
        first = vllm_processes()
        (victim,) = [process for process in first if kind in command_of(process)]
        victim.send_signal(signal.SIGKILL)
        results += stream
    assert sorted(result.request.trace_id for result in results) == sorted(request.trace_id for request in requests)
    assert all(isinstance(result, Completion) for result in results)
    _, alive = psutil.wait_procs([*first, *vllm_processes()], timeout=30)
    assert [process for process in alive if is_running(process)] == []


def test_replicas_start_with_what_the_user_has_set_and_end_when_closed(cluster, monkeypatch):
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with engine_of(cluster, concurrency=8, rows_per_batch=4) as engine:
        stream = engine.stream(request_of(number, temperature=2.0, max_tokens=1500) for number in range(200))
        next(stream)
        (core,) = [process for process in vllm_processes() if "EngineCore" in command_of(process)]
        variables = core.environ()
        stream.close()
        _, alive = psutil.wait_procs(vllm_processes(), timeout=60)
    assert [process for process in alive if is_running(process)] == []
    expected = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "OMP_NUM_THREADS": "1"}
    assert {name: variables[name] for name in expected} == expected


def test_an_entry_that_cannot_start(cluster):
    with (
        engine_of(cluster, options={"no_such_argument": 1}) as engine,
        pytest.raises(EngineError, match="no_such_argument"),
    ):
        next(engine.stream([request_of(0)]))


@pytest.mark.parametrize("name", ["ray", "vllm"])
def test_the_missing_package_is_named(cluster, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=rf"openreason-dagster\[{name}\]"):
        engine_of(cluster).__enter__()


def test_the_engine_must_be_entered(cluster):
    with pytest.raises(EngineError, match="not open"):
        next(engine_of(cluster).stream([request_of(0)]))
