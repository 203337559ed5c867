import signal
import sys
from dataclasses import dataclass, field
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


MANY = 500
"""So many requests are not answered at once."""
REQUESTS = [
    *(request_of(number, temperature=(0.0, 0.6, 1.2)[number % 3], seed=number % 30) for number in range(60)),
    request_of(60, question="x" * 9000),
    request_of(61, temperature=3.0),
    request_of(62, stop=("</think>",), logprobs=True),
    request_of(63),
    request_of(64, max_tokens=3),
    request_of(65, system="Put the final answer in \\boxed{}."),
]
LATER = [
    request_of(66, question="x" * 140),
    request_of(67, question="7" * 90, temperature=2.0, max_tokens=1000),
    *(request_of(number, temperature=2.0, max_tokens=1000) for number in range(68, MANY)),
]


@dataclass
class Sampled:
    """What was seen while a stream was read and closed before its end."""

    found: dict[str, Completion | Failure] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    alive_when_closed: list[psutil.Process] = field(default_factory=list)


@pytest.fixture(scope="module")
def sampled(cluster):
    """One stream for several tests, because a replica starts for long."""
    seen = Sampled()

    def feed():
        yield from REQUESTS
        while not seen.found:
            yield None
        yield from LATER

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
        patch.delenv("OMP_NUM_THREADS", raising=False)
        with engine_of(cluster, options={"max_model_len": 128}, maximum_length=256) as engine:
            stream = engine.stream(feed())
            while "67" not in seen.found:
                result = next(stream)
                seen.found[result.request.trace_id] = result
            (core,) = [process for process in vllm_processes() if "EngineCore" in command_of(process)]
            seen.variables, seen.environment = core.environ(), engine.environment()
            stream.close()
            seen.alive_when_closed = left_of(vllm_processes())
    return seen


def left_of(processes):
    """Those that do not end soon."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    return [process for process in alive if is_running(process)]


def test_everything_a_request_may_ask_for(sampled):
    found = {request.trace_id: sampled.found[request.trace_id] for request in REQUESTS}
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
    assert sampled.environment["engine"] == "ray"


def test_a_none_ends_what_is_handed_over_together_and_an_option_how_long_a_text_may_be(sampled):
    first = list(sampled.found)[: len(REQUESTS)]
    assert sorted(first) == sorted(request.trace_id for request in REQUESTS)
    assert sampled.environment["maximum_length"] == "128"
    assert sampled.found["67"].prompt_tokens + sampled.found["67"].completion_tokens <= 128
    assert sampled.found["66"].error == "prompt_too_long"


def test_replicas_start_with_what_the_user_has_set_and_end_when_closed(sampled):
    assert len(sampled.found) < MANY
    assert sampled.alive_when_closed == []
    expected = {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "OMP_NUM_THREADS": "1",
        "TORCH_COMPILE_DISABLE": "1",
    }
    assert {name: sampled.variables[name] for name in expected} == expected


KINDS = ("EngineCore", "vLLMEngineStage")


def vllm_processes():
    """Every process below this one that holds weights."""
    return [child for child in running_below(psutil.Process()) if any(kind in command_of(child) for kind in KINDS)]


def test_killed_workers_lose_nothing_and_no_progress_is_shown(cluster, capfd):
    requests = [request_of(number, temperature=2.0, max_tokens=400) for number in range(MANY)]
    results, started = [], []
    with engine_of(cluster, concurrency=8, rows_per_batch=4) as engine:
        stream = engine.stream(iter(requests))
        for kind in KINDS:
            replica = []
            while len(replica) < len(KINDS):
                results.append(next(stream))
                replica = [process for process in vllm_processes() if process not in started]
            (victim,) = [process for process in replica if kind in command_of(process)]
            victim.send_signal(signal.SIGKILL)
            started += replica
        results += stream
    assert sorted(result.request.trace_id for result in results) == sorted(request.trace_id for request in requests)
    assert all(isinstance(result, Completion) for result in results)
    assert left_of([*started, *vllm_processes()]) == []
    shown = "".join(capfd.readouterr())
    assert "Progress bars" not in shown
    assert "execution finished" not in shown


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
