import json
import random
from itertools import islice

import pytest

from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.records import Failure, Message, Request, SamplingParameters
from openreason_dagster.resources.engines.chat_tokenizer import ChatTokenizer
from openreason_dagster.resources.engines.transformers import TransformersEngine
from tests.tiny_model import POSITIONS, save_tiny_model

QUESTIONS = [f"{'long ' * (index % 4)}question {index}?" for index in range(10)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def engine_of(folder, **changes):
    values = {"name": "tiny", "revision": "1", "license": "x", "engine": "transformers", "path": folder.name}
    model = TransformersModel.from_values(values | {"dtype": "float64", "batch_size": 8} | changes, path=None)
    return TransformersEngine(model, folder.parent)


def request_of(
    number, *, question=None, seed=None, temperature=1.0, top_p=1.0, top_k=None, max_tokens=40, stop=(), system=None
):
    question = QUESTIONS[number // 3 % len(QUESTIONS)] if question is None else question
    messages = (Message(role="user", content=question),)
    return Request(
        trace_id=str(number),
        prompt_id=question,
        prompt=question,
        messages=(Message(role="system", content=system), *messages) if system else messages,
        temperature_key=str(temperature),
        sample_index=number % 3,
        seed=number * 7919 if seed is None else seed,
        parameters=SamplingParameters(
            temperature=temperature, top_p=top_p, top_k=top_k, max_tokens=max_tokens, stop=stop
        ),
    )


def mixed_requests(count=40):
    """Requests that differ in everything that may differ within one stream."""
    draw = random.Random(3)
    return [
        request_of(
            number,
            temperature=draw.choice([0.0, 0.3, 1.0, 2.0]),
            top_p=draw.choice([1.0, 0.8]),
            top_k=draw.choice([None, 20]),
            max_tokens=draw.randint(1, 50),
        )
        for number in range(count)
    ]


def answers(engine, requests):
    results = list(engine.stream(iter(requests)))
    assert sorted(result.request.trace_id for result in results) == sorted(request.trace_id for request in requests)
    return {result.request.trace_id: result for result in results}


@pytest.fixture(scope="module")
def alone(folder):
    """Every mixed request decoded in a batch of its own."""
    with engine_of(folder, batch_size=1) as engine:
        return answers(engine, mixed_requests())


@pytest.mark.parametrize("batch_size", [2, 7, 64])
@pytest.mark.parametrize("order", ["as-asked", "shuffled"])
def test_a_text_does_not_depend_on_its_neighbours(folder, alone, batch_size, order):
    requests = mixed_requests()
    if order == "shuffled":
        random.Random(batch_size).shuffle(requests)
    with engine_of(folder, batch_size=batch_size) as engine:
        found = answers(engine, requests)
    assert found == alone


@pytest.mark.parametrize(
    ("model_type", "config"),
    [
        pytest.param("llama", {}, id="grouped-queries"),
        pytest.param("qwen3", {}, id="qwen3"),
        pytest.param("mistral", {"sliding_window": 12}, id="sliding-window"),
        pytest.param(
            "qwen2", {"use_sliding_window": True, "sliding_window": 12, "max_window_layers": 1}, id="mixed-layers"
        ),
    ],
)
def test_agrees_with_the_librarys_own_greedy_decoding(tmp_path, model_type, config):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = save_tiny_model(tmp_path / "model", model_type=model_type, **config)
    requests = [request_of(3 * number, temperature=0.0) for number in range(len(QUESTIONS))]
    with engine_of(folder, batch_size=4) as engine:
        found = answers(engine, requests)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    for request in requests:
        turns = [{"role": "user", "content": request.prompt}]
        inputs = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        ids = model.generate(**inputs, do_sample=False, max_new_tokens=40, pad_token_id=0)[0]
        expected = ids[inputs["input_ids"].shape[1] :]
        assert found[request.trace_id].completion_tokens == len(expected)
        assert found[request.trace_id].text == tokenizer.decode(expected, skip_special_tokens=True)


def test_ends_and_limits(alone):
    requests = {request.trace_id: request for request in mixed_requests()}
    stopped = [result for result in alone.values() if result.finish_reason == "stop"]
    cut = [result for result in alone.values() if result.finish_reason == "length"]
    assert stopped
    assert cut
    assert all(result.completion_tokens == requests[result.request.trace_id].parameters.max_tokens for result in cut)
    assert all("<|end|>" not in result.text for result in alone.values())
    assert all(result.opened_think and result.attempts == 1 and result.reasoning is None for result in alone.values())


def test_same_seed_same_text_other_seed_other_text(folder):
    requests = [request_of(number, question="q", seed=number // 2) for number in range(40)]
    with engine_of(folder) as engine:
        found = answers(engine, requests)
    texts = [found[str(number)].text for number in range(40)]
    assert texts[::2] == texts[1::2]
    assert len(set(texts)) > 15


def test_a_prompt_without_room_fails_and_the_rest_goes_on(folder):
    requests = [request_of(0), request_of(1, question="x" * POSITIONS), request_of(2)]
    with engine_of(folder) as engine:
        found = answers(engine, requests)
    assert isinstance(found["1"], Failure)
    assert found["1"].error == "prompt_too_long"
    assert found["0"].text
    assert found["2"].text


def test_a_stream_of_failures_only(folder):
    requests = [request_of(number, question="x" * POSITIONS) for number in range(30)]
    with engine_of(folder, batch_size=4) as engine:
        assert all(isinstance(result, Failure) for result in answers(engine, requests).values())


def test_positions_clip_the_token_limit(folder):
    request = request_of(0, question="x" * 40, temperature=2.0, max_tokens=10_000)
    with engine_of(folder) as engine:
        found = [
            answers(engine, [request_of(0, question="x" * 40, temperature=2.0, max_tokens=10_000, seed=seed)])["0"]
            for seed in range(6)
        ]
    longest = max(found, key=lambda result: result.completion_tokens)
    assert longest.prompt_tokens + longest.completion_tokens == POSITIONS
    assert longest.finish_reason == "length"
    assert request.parameters.max_tokens > POSITIONS


def test_stop_strings_cut_the_text_where_they_begin(folder):
    with engine_of(folder) as engine:
        whole = answers(engine, [request_of(number) for number in range(40)])
        letters = {key: [sign for sign in result.text[1:] if sign.isalnum()] for key, result in whole.items()}
        stops = {key: found[-1] for key, found in letters.items() if found}
        requests = [request_of(int(key), stop=("never written", stop)) for key, stop in stops.items()]
        cut = answers(engine, requests)
    assert stops
    for key, stop in stops.items():
        assert cut[key].text == whole[key].text[: whole[key].text.index(stop)]
        assert cut[key].finish_reason == "stop"
        assert 1 < cut[key].completion_tokens <= whole[key].completion_tokens


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        pytest.param("one two", ("three",), None, id="absent"),
        pytest.param("one two", (), None, id="none-asked"),
        pytest.param("one two", ("two",), ("one ", 7), id="at-the-end"),
        pytest.param("one two", ("two", "ne"), ("o", 3), id="the-first-in-the-text"),
        pytest.param("<think>a</think>b", ("a",), ("<think>", 2), id="tags-are-one-token"),
        pytest.param("é!", ("!",), ("é", 3), id="tokens-not-characters"),
        pytest.param("one<|user|>two", ("<|user|>",), ("one", 4), id="a-special-token"),
        pytest.param("one.<|user|>two", (".<|user|>",), ("one", 5), id="a-special-token-with-text-before"),
        pytest.param("<|user|>é<|user|>!", ("!",), ("é", 5), id="special-tokens-before"),
        pytest.param("a<|user|>b<|system|><|user|>", ("b<|system|><|user|>",), ("a", 5), id="two-special-tokens"),
    ],
)
def test_where_a_stop_string_cuts(folder, text, stops, expected):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert ChatTokenizer(tokenizer, model_name="tiny").cut_at_stop(tokenizer(text)["input_ids"], stops) == expected


def test_requests_are_pulled_only_as_rows_become_free(folder):
    pulled = []
    with engine_of(folder, batch_size=4) as engine:
        stream = engine.stream(pulled.append(number) or request_of(number) for number in range(1_000))
        for answered, _ in enumerate(islice(stream, 20), start=1):
            assert len(pulled) <= answered + 4 + 3
        stream.close()


def test_narrower_types_decode_too(folder):
    for dtype in ("float32", "bfloat16", "auto"):
        with engine_of(folder, dtype=dtype) as engine:
            assert len(answers(engine, mixed_requests(12))) == 12
            assert engine.environment()["dtype"] == ("float32" if dtype == "auto" else dtype)


def test_the_thread_count_holds_while_the_engine_is_open_and_no_longer(folder):
    import torch

    before = torch.get_num_threads()
    with engine_of(folder, threads=before + 1) as engine:
        assert torch.get_num_threads() == before + 1
        assert engine.environment()["threads"] == str(before + 1)
    assert torch.get_num_threads() == before


def test_a_system_prompt_reaches_the_model(folder):
    with engine_of(folder) as engine:
        plain, led = (
            answers(engine, [request_of(0, temperature=0.0, system=system)])["0"] for system in (None, "Be brief.")
        )
    assert led.prompt_tokens > plain.prompt_tokens


@pytest.mark.parametrize(
    ("template", "opened"),
    [
        pytest.param("{{ messages[0]['content'] }}<think>\n\n</think>\n\n", False, id="closed-again"),
        pytest.param("<think>{{ messages[0]['content'] }}", False, id="elsewhere"),
        pytest.param("{{ messages[0]['content'] }}<think>", True, id="opened"),
    ],
)
def test_whether_the_prompt_opened_the_think_block(tmp_path, template, opened):
    with engine_of(save_tiny_model(tmp_path / "model", chat_template=template)) as engine:
        assert answers(engine, [request_of(0)])["0"].opened_think is opened


def test_a_model_without_chat_template_is_refused(tmp_path):
    with pytest.raises(EngineError, match="no chat template"):
        engine_of(save_tiny_model(tmp_path / "model", chat_template=None)).__enter__()


def test_messages_that_the_template_refuses(tmp_path):
    template = "{{ raise_exception('no system role') }}"
    folder = save_tiny_model(tmp_path / "model", chat_template=template)
    with engine_of(folder) as engine, pytest.raises(EngineError, match="no system role"):
        next(engine.stream([request_of(0)]))


@pytest.mark.parametrize(
    "damage", ["no-folder", "no-weights", "cut-weights", "lacking-weights", "pickled-weights", "broken-config"]
)
def test_a_model_that_cannot_be_loaded(tmp_path, damage):
    folder = save_tiny_model(tmp_path / "model")
    weights = folder / "model.safetensors"
    if damage == "no-folder":
        folder = tmp_path / "absent" / "model"
    elif damage == "broken-config":
        (folder / "config.json").write_text("{")
    elif damage == "lacking-weights":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3, "layer_types": None}))
    else:
        whole = weights.read_bytes()
        weights.unlink()
        if damage == "cut-weights":
            weights.write_bytes(whole[:1000])
        elif damage == "pickled-weights":
            (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nabort\n.")
    with pytest.raises(EngineError, match="tiny"):
        engine_of(folder).__enter__()


def test_weights_that_are_not_numbers(tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    folder = save_tiny_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with engine_of(folder) as engine, pytest.raises(EngineError, match="not finite"):
        next(engine.stream([request_of(0)]))


def test_an_architecture_with_recurrent_state_is_refused(tmp_path):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = save_tiny_model(tmp_path / "model")
    torch.manual_seed(0)
    config = AutoConfig.for_model("mamba", vocab_size=300, hidden_size=16, num_hidden_layers=1, state_size=4)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    with pytest.raises(EngineError, match="engine `openai`"):
        engine_of(folder).__enter__()


def test_the_engine_must_be_entered(folder):
    with pytest.raises(EngineError, match="not open"):
        next(engine_of(folder).stream([request_of(0)]))
