import polars as pl
import pytest

from openreason_dagster.domain.catalogue_entry import DatasetColumns, DatasetModel, TransformersModel
from openreason_dagster.domain.inference.plan import (
    RequestCount,
    applicable_temperatures,
    build_plan,
    count_requests,
    pending_requests,
)
from openreason_dagster.domain.recipe import Sampling

MODEL = TransformersModel(name="m", revision="1", license="x", engine="transformers", path="w")
IMPORTED = DatasetModel(
    name="d",
    revision="1",
    license="x",
    engine="dataset",
    path="t.jsonl",
    columns=DatasetColumns(prompt="q", completions="a"),
)
SAMPLING = Sampling(samples_per_prompt=3, max_tokens=64, top_p=0.9)
PROMPTS = pl.DataFrame({"prompt_id": ["p1", "p2"], "prompt": ["one", "two"], "domain": ["math", "math"]})


def plan_of(model=MODEL, keys=("0.6", "1.2"), sampling=SAMPLING):
    return build_plan(model, sampling, temperature_keys=keys, template="Q {prompt}", weights={"w": "0"})


def test_order_is_temperature_prompt_sample():
    requests = list(pending_requests(PROMPTS, plan_of(), committed=set()))
    keys = [(request.temperature_key, request.prompt_id, request.sample_index) for request in requests]
    assert keys == [(t, p, s) for t in ("0.6", "1.2") for p in ("p1", "p2") for s in range(3)]
    assert len({request.trace_id for request in requests}) == len({request.seed for request in requests}) == 12


def test_a_request_carries_everything():
    request = next(pending_requests(PROMPTS, plan_of(), committed=set()))
    assert request.prompt == "one"
    assert request.messages[0].content == "Q one"
    assert (request.parameters.temperature, request.parameters.top_p, request.parameters.max_tokens) == (0.6, 0.9, 64)


def test_committed_traces_are_skipped_and_counted():
    plan = plan_of()
    requests = list(pending_requests(PROMPTS, plan, committed=set()))
    committed = {request.trace_id for request in requests[1:8]}
    assert list(pending_requests(PROMPTS, plan, committed=committed)) == [requests[0], *requests[8:]]
    counts = count_requests(PROMPTS, plan, committed=committed)
    assert counts == {"0.6": RequestCount(6, 5), "1.2": RequestCount(6, 2)}
    assert counts["0.6"].pending == 1


def test_more_samples_continue_the_same_list():
    fewer = {request.trace_id for request in pending_requests(PROMPTS, plan_of(), committed=set())}
    more = plan_of(sampling=SAMPLING.model_copy(update={"samples_per_prompt": 5}))
    assert len(list(pending_requests(PROMPTS, more, committed=fewer))) == 2 * 2 * 2


def test_other_fingerprint_other_traces_same_seeds():
    other = plan_of(sampling=SAMPLING.model_copy(update={"max_tokens": 65}))
    first, second = (list(pending_requests(PROMPTS, plan, committed=set())) for plan in (plan_of(), other))
    assert not {request.trace_id for request in first} & {request.trace_id for request in second}
    assert [request.seed for request in first] == [request.seed for request in second]


def test_requests_are_made_lazily():
    requests = pending_requests(PROMPTS, plan_of(), committed=Exploding())
    with pytest.raises(RuntimeError, match="asked"):
        next(requests)


def test_counting_holds_one_identity_at_a_time():
    events = []

    class Committed:
        def __contains__(self, trace_id):
            events.append("asked")
            return False

    def available(prompt):
        events.append(prompt)
        return 1

    count_requests(PROMPTS, plan_of(keys=("0.6",)), committed=Committed(), samples_available=available)
    assert events == ["one", "asked", "two", "asked"]


class Exploding:
    def __contains__(self, trace_id):
        raise RuntimeError("asked")


def test_only_samples_that_exist_are_asked():
    available = {"one": 1, "two": 9}.__getitem__
    plan = plan_of(IMPORTED, keys=("0.6", "imported"))
    requests = list(pending_requests(PROMPTS, plan, committed=set(), samples_available=available))
    assert [(request.prompt_id, request.sample_index) for request in requests] == [
        ("p1", 0),
        ("p2", 0),
        ("p2", 1),
        ("p2", 2),
    ]
    assert count_requests(PROMPTS, plan, committed=set(), samples_available=available) == {
        "imported": RequestCount(4, 0)
    }


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param(MODEL, ["0.6", "1.0"], id="a-model-cannot-be-imported"),
        pytest.param(IMPORTED, ["imported"], id="traces-of-unknown-temperature"),
        pytest.param(IMPORTED.model_copy(update={"temperature": 1.0}), ["1.0"], id="traces-that-state-it"),
        pytest.param(IMPORTED.model_copy(update={"temperature": 0.3}), [], id="not-in-the-recipe"),
    ],
)
def test_applicable_temperatures(model, expected):
    assert applicable_temperatures(model, ["0.6", "1.0", "imported"]) == expected
