import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import psutil
import pytest

import openreason_dagster
from openreason_dagster.domain.catalogue_entry import VllmModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.records import Completion, Failure, Message, Request, SamplingParameters
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, generate
from openreason_dagster.resources.engines.vllm import VllmEngine
from openreason_dagster.resources.engines.vllm_settings import processor_variables
from starter.evaluate import is_correct
from tests.processes import command_of, is_running, running_below

pytest.importorskip("vllm", reason="the extra [vllm] is not installed")

pytestmark = pytest.mark.slow
MODELS = Path(openreason_dagster.__file__).parent / "starter_models"
POSITIONS = 2048
QUESTION = "What is 8 + 4?"


def engine_of(name="starter-base", **changes):
    values = {"name": name, "revision": "1", "license": "x", "engine": "vllm", "path": f"./{name}"}
    settings = {"dtype": "float32", "concurrency": 32, "compile": False}
    return VllmEngine(VllmModel.from_values(values | settings | changes, path=None), MODELS)


def request_of(
    number,
    *,
    question=QUESTION,
    seed=None,
    temperature=0.6,
    top_p=1.0,
    top_k=None,
    max_tokens=200,
    stop=(),
    logprobs=False,
):
    return Request(
        trace_id=str(number),
        prompt_id=question,
        prompt=question,
        messages=(Message(role="user", content=question),),
        temperature_key=str(temperature),
        sample_index=0,
        seed=number * 7919 + 2**62 if seed is None else seed,
        parameters=SamplingParameters(
            temperature=temperature, top_p=top_p, top_k=top_k, max_tokens=max_tokens, stop=stop, logprobs=logprobs
        ),
    )


def answers(engine, requests):
    results = list(engine.stream(iter(requests)))
    assert sorted(result.request.trace_id for result in results) == sorted(
        request.trace_id for request in requests if request is not None
    )
    return {result.request.trace_id: result for result in results}


def texts(engine, requests):
    return {key: result.text for key, result in answers(engine, requests).items()}


@pytest.fixture(scope="module")
def engine():
    with engine_of() as opened:
        yield opened
    assert engine_processes() == set()


def test_one_load_answers_all_temperatures(engine):
    temperatures = [0.0, 0.3, 0.6, 1.2, 2.0]
    requests = [request_of(number, temperature=temperatures[number % 5]) for number in range(150)]
    found = answers(engine, requests)
    assert all(isinstance(result, Completion) and result.used_seed for result in found.values())
    assert len({found[str(number)].text for number in range(0, 150, 5)}) == 1
    hot = {found[str(number)].text for number in range(4, 150, 5)}
    assert len(hot) > 25


def test_results_come_in_the_order_they_finish(engine):
    requests = [
        request_of(0, max_tokens=1500, temperature=2.0),
        *(request_of(number, max_tokens=2) for number in range(1, 9)),
    ]
    order = [result.request.trace_id for result in engine.stream(iter(requests))]
    assert order[-1] == "0"


def test_right_as_often_as_the_model_is(engine):
    problems = [problem for family in FAMILIES for problem in generate(family, count=15, seed=5, split="held_out")]
    requests = [
        request_of(4 * index + sample, question=problem.question, max_tokens=120)
        for index, problem in enumerate(problems)
        for sample in range(4)
    ]
    found = texts(engine, requests)
    right = [is_correct(found[str(number)], problems[number // 4].answer) for number in range(len(requests))]
    assert 0.4 <= sum(right) / len(right) <= 0.8


def test_same_seed_same_text_other_seed_other_text(engine):
    requests = [request_of(number, seed=number // 2, temperature=2.0, max_tokens=40) for number in range(40)]
    found = texts(engine, requests)
    assert all(found[str(number)] == found[str(number + 1)] for number in range(0, 40, 2))
    assert len(set(found.values())) > 15
    assert texts(engine, requests) == found


def test_ends_and_limits(engine):
    found = answers(engine, [request_of(number, max_tokens=20 if number % 2 else 400) for number in range(40)]).values()
    reasons = Counter(result.finish_reason for result in found)
    assert reasons["stop"] >= 10
    assert reasons["length"] >= 10
    assert all(result.opened_think and result.attempts == 1 and result.reasoning is None for result in found)
    assert all("<|end|>" not in result.text for result in found)
    for result in found:
        if result.finish_reason == "length":
            assert result.completion_tokens == result.request.parameters.max_tokens
        else:
            assert result.completion_tokens <= result.request.parameters.max_tokens


def test_stop_strings_cut_the_text_where_they_begin(engine):
    whole = texts(engine, [request_of(number) for number in range(20)])
    stops = ("</think>", "never written")
    cut = answers(engine, [request_of(number, stop=stops) for number in range(20)])
    assert all("</think>" in text for text in whole.values())
    for key, text in whole.items():
        assert cut[key].text == text[: text.index("</think>")]
        assert cut[key].finish_reason == "stop"


def test_log_probabilities_where_they_are_asked_for(engine):
    asked, greedy, plain = answers(
        engine, [request_of(0, logprobs=True), request_of(1, logprobs=True, temperature=0.0), request_of(2)]
    ).values()
    by_id = {result.request.trace_id: result for result in (asked, greedy, plain)}
    for key in ("0", "1"):
        assert len(by_id[key].token_logprobs) == by_id[key].completion_tokens
        assert all(value <= 0 for value in by_id[key].token_logprobs)
    assert by_id["2"].token_logprobs is None


def test_log_probabilities_end_where_a_stop_string_does(engine):
    (result,) = answers(engine, [request_of(0, logprobs=True, stop=("</think>",))]).values()
    assert len(result.token_logprobs) == result.completion_tokens


def test_a_prompt_without_room_fails_and_the_rest_goes_on(engine):
    found = answers(engine, [request_of(0), request_of(1, question="x" * 3 * POSITIONS), request_of(2)])
    assert isinstance(found["1"], Failure)
    assert found["1"].error == "prompt_too_long"
    assert found["0"].text
    assert found["2"].text


def test_a_long_prompt_clips_the_token_limit(engine):
    result = answers(engine, [request_of(0, question="7" * (POSITIONS - 20), temperature=2.0, max_tokens=10_000)])["0"]
    assert result.prompt_tokens + result.completion_tokens <= POSITIONS


def test_what_vllm_refuses_is_a_failure(engine):
    found = answers(engine, [request_of(0, temperature=3.0), request_of(1)])
    assert found["0"].error == "refused"
    assert "temperature" in found["0"].message
    assert found["1"].text


def test_none_in_the_feed_waits_for_results(engine):
    seen = []

    def feed():
        for number in range(3):
            yield request_of(number, max_tokens=5)
        while len(seen) < 3:
            yield None
        yield request_of(3, max_tokens=5)

    for result in engine.stream(feed()):
        seen += [result.request.trace_id]
    assert sorted(seen[:3]) == ["0", "1", "2"]
    assert seen[3:] == ["3"]


def test_a_request_that_comes_later_is_taken_while_many_long_prompts_are_read(engine):
    answered = []

    def feed():
        yield from (request_of(number, question=f"{number} " * 400, max_tokens=3) for number in range(40))
        yield None
        assert len(answered) < 40
        yield request_of(40, max_tokens=2)

    for result in engine.stream(feed()):
        assert isinstance(result, Completion)
        answered += [result.request.trace_id]
    assert sorted(answered) == sorted(str(number) for number in range(41))


def test_requests_are_pulled_only_as_places_become_free(engine):
    pulled = []
    stream = engine.stream(pulled.append(number) or request_of(number, max_tokens=30) for number in range(1_000))
    for answered, _ in enumerate(islice(stream, 50), start=1):
        assert len(pulled) <= answered + 2 * 32 + 32
    stream.close()


def test_closing_gives_up_what_is_in_flight(engine):
    stream = engine.stream(request_of(number, max_tokens=1800, temperature=2.0) for number in range(60))
    next(stream)
    stream.close()
    assert engine._session._engine.output_processor.get_num_unfinished_requests() == 0
    assert len(answers(engine, [request_of(number) for number in range(5)])) == 5


def test_samples_of_a_prompt_share_its_prefill(engine):
    session = engine._session
    reused = []
    receive = session._engine.generate

    async def watched(*arguments, **keywords):
        async for output in receive(*arguments, **keywords):
            reused.append(output.num_cached_tokens)
            yield output

    session._engine.generate = watched
    try:
        answers(engine, [request_of(number, question="share this prompt " * 40, max_tokens=5) for number in range(8)])
    finally:
        session._engine.generate = receive
    assert sum(1 for tokens in reused if tokens >= 64) >= 7


def test_prompts_are_read_in_steps_as_large_as_those_of_vllms_batches(engine):
    from vllm.engine.arg_utils import EngineArgs
    from vllm.usage.usage_lib import UsageContext

    expected = EngineArgs.get_batch_defaults(world_size=1)[0][UsageContext.LLM_CLASS]
    assert engine._session.config.scheduler_config.max_num_batched_tokens == expected


def test_the_environment_says_what_ran(engine):
    environment = engine.environment()
    assert {name: environment[name] for name in ("engine", "dtype", "prefix_caching", "concurrency", "compiled")} == {
        "engine": "vllm",
        "dtype": "float32",
        "prefix_caching": "on",
        "concurrency": "32",
        "compiled": "no",
    }
    assert all(isinstance(value, str) and value for value in environment.values())


def engine_processes():
    return {child.pid for child in running_below(psutil.Process()) if "EngineCore" in command_of(child)}


def test_an_entry_that_says_so_has_nothing_compiled(engine):
    assert processor_variables(engine._session.config)["TORCH_COMPILE_DISABLE"] == "1"


def test_another_model_can_follow_and_its_death_is_an_error_after_what_is_finished(engine):
    before = engine_processes()
    with engine_of("starter-small", concurrency=4) as small:
        assert len(answers(small, [request_of(number, max_tokens=20) for number in range(12)])) == 12
        stream = small.stream(request_of(number, max_tokens=1500, temperature=2.0) for number in range(100))
        first = next(stream)
        assert isinstance(first, Completion)
        (victim,) = engine_processes() - before
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(EngineError, match="Run again"):
            assert all(isinstance(result, Completion) for result in stream)
        with pytest.raises(EngineError, match="Run again"):
            list(small.stream([request_of(0)]))
    assert engine_processes() <= before
    with pytest.raises(EngineError, match="not open"):
        next(small.stream([request_of(0)]))


def test_two_replicas_share_the_requests_until_their_answers_cannot_be_read(monkeypatch):
    def broken(*_arguments, **_keywords):
        raise ValueError("unreadable")

    before = engine_processes()
    with engine_of("starter-small", concurrency=4, data_parallel=2) as twice:
        assert len(answers(twice, [request_of(number, max_tokens=20) for number in range(40)])) == 40
        assert twice.environment()["data_parallel"] == "2"
        assert len(engine_processes() - before) == 2
        monkeypatch.setattr(twice._session._engine.output_processor, "process_outputs", broken)
        with pytest.raises(EngineError, match="Run again"):
            list(twice.stream([request_of(0)]))
    assert engine_processes() <= before


def aborted(session):
    """What vLLM is asked to give up although somebody waits for it."""
    engine = session._engine
    names = list(engine.output_processor.external_req_ids)
    asyncio.run_coroutine_threadsafe(engine.abort(names), session._loop).result()
    return names


def test_requests_that_the_engine_gives_up_are_no_failures(engine):
    stream = engine.stream(request_of(number, max_tokens=1500, temperature=2.0) for number in range(100))
    next(stream)
    assert aborted(engine._session)
    with pytest.raises(EngineError, match="Run again"):
        assert all(isinstance(result, Completion) for result in stream)


OWNER = """
if __name__ == "__main__":  # the engine's process reads this file too
    from tests.integration.test_vllm_engine import engine_of, request_of

    with engine_of("starter-small", concurrency=4) as engine:
        for result in engine.stream(request_of(number) for number in range(100_000)):
            print("answered", flush=True)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that samples."""
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    variables = os.environ | {"PYTHONPATH": str(Path(openreason_dagster.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    ) as process:
        yield process
        process.kill()


def family_of(owner, moment):
    """All that it has started, once it loads the weights or once it samples."""
    if moment == "while-sampling":
        assert "answered" in owner.stdout.readline()
    else:
        deadline = time.monotonic() + 120
        while len(psutil.Process(owner.pid).children()) < 3 and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1.5)
    return psutil.Process(owner.pid).children(recursive=True)


def still_running(processes):
    _, alive = psutil.wait_procs(processes, timeout=20)
    return [process for process in alive if is_running(process)]


@pytest.mark.parametrize("moment", ["while-loading", "while-sampling"])
def test_a_killed_owner_leaves_no_process_behind(owner, moment):
    children = family_of(owner, moment)
    owner.kill()
    assert children
    assert still_running(children) == []


@pytest.mark.parametrize(
    ("moment", "signals"),
    [
        pytest.param("while-loading", 1, id="once-while-loading"),
        pytest.param("while-sampling", 2, id="twice-while-sampling"),
    ],
)
def test_an_interrupted_owner_ends_soon_and_leaves_no_process_behind(owner, moment, signals):
    children = family_of(owner, moment)
    for _ in range(signals):
        owner.send_signal(signal.SIGINT)
        time.sleep(0.3)
    _, messages = owner.communicate(timeout=20)
    assert owner.returncode == -signal.SIGINT or "KeyboardInterrupt" in messages
    assert children
    assert still_running(children) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"path": "./absent"}, "does not exist", id="no-folder"),
        pytest.param({"maximum_length": 10**7}, "does not start", id="longer-than-the-model"),
        pytest.param({"quantization": "no-such-method"}, "does not start", id="unknown-quantization"),
        pytest.param({"options": {"no_such_argument": 1}}, "no_such_argument", id="unknown-option"),
        pytest.param({"options": {"dtype": 3}}, "does not start", id="an-option-of-another-kind"),
        pytest.param({"options": {"load_format": "none-such"}}, "does not start", id="an-option-found-wrong-late"),
        pytest.param({"options": {"kv_cache_memory_bytes": 2**50}}, "does not start", id="no-memory"),
    ],
)
def test_an_entry_that_cannot_start(changes, message):
    with pytest.raises(EngineError, match=message):
        engine_of("starter-small", **changes).__enter__()


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(EngineError, match=r"openreason-dagster\[vllm\]"):
        engine_of().__enter__()


def test_the_engine_must_be_entered():
    with pytest.raises(EngineError, match="not open"):
        next(engine_of().stream([request_of(0)]))
