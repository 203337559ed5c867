import json
from datetime import UTC, datetime

import polars as pl
import pytest

from openreason_dagster.domain.catalogue_entry import DatasetColumns, DatasetModel, TransformersModel
from openreason_dagster.domain.inference.plan import build_plan, pending_requests
from openreason_dagster.domain.inference.trace_rows import failure_rows, trace_rows
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe import Sampling
from openreason_dagster.domain.records import Completion, Failure
from openreason_dagster.domain.schemas import SAMPLED_TRACES, SAMPLING_FAILURES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = TransformersModel(name="m", revision="1", license="x", engine="transformers", path="w")
IMPORTED = DatasetModel(
    name="d", revision="1", license="x", engine="dataset", path="t", columns=DatasetColumns(prompt="q", completions="a")
)


def plan_and_request(model=MODEL, key="0.6"):
    prompts = pl.DataFrame({"prompt_id": ["p"], "prompt": ["one"]})
    sampling = Sampling(samples_per_prompt=1, max_tokens=8)
    plan = build_plan(model, sampling, temperature_keys=[key], template="{prompt}", weights={"w": "0"})
    return plan, next(pending_requests(prompts, plan, committed=set()))


def completion_of(request, **changes):
    values = {
        "request": request,
        "text": "a</think>b",
        "reasoning": None,
        "finish_reason": "stop",
        "opened_think": True,
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "attempts": 2,
    }
    return Completion(**(values | changes))


def row_of(model=MODEL, key="0.6", **changes):
    plan, request = plan_and_request(model, key)
    rows = trace_rows(
        [completion_of(request, **changes)], plan, environment={"engine": "x"}, run_id="r", sampled_at=NOW
    )
    assert rows.schema == SAMPLED_TRACES.schema
    return rows.row(0, named=True)


def test_a_completion_becomes_a_row():
    plan, request = plan_and_request()
    row = row_of()
    assert row["trace_id"] == request.trace_id
    assert (row["reasoning"], row["answer"], row["think_state"]) == ("a", "b", "opened_by_template")
    assert (row["sampling_temperature"], row["seed"], row["attempts"]) == (0.6, request.seed, 2)
    assert stable_hash(json.loads(row["sampling_record"])) == row["fingerprint"] == plan.at("0.6").fingerprint
    assert json.loads(row["environment"]) == {"engine": "x"}
    assert row["sampled_at"] == NOW


@pytest.mark.parametrize(
    ("model", "key", "temperature"),
    [(IMPORTED, "imported", None), (IMPORTED.model_copy(update={"temperature": 0.6}), "0.6", 0.6)],
    ids=["temperature-unknown", "temperature-stated"],
)
def test_imported_traces_have_null_for_what_is_not_known(model, key, temperature):
    row = row_of(model, key, prompt_tokens=None, completion_tokens=None, used_seed=False)
    assert row["seed"] is row["prompt_tokens"] is row["completion_tokens"] is row["imported_record"] is None
    assert row["sampling_temperature"] == temperature


def test_what_an_imported_set_states_is_kept():
    row = row_of(IMPORTED, "imported", finish_reason=None, imported='{"row": 3}')
    assert (row["finish_reason"], row["imported_record"]) == (None, '{"row": 3}')


def test_a_failure_becomes_a_row():
    plan, request = plan_and_request()
    failure = Failure(request=request, error="timeout", message="none within 3 s", attempts=3)
    rows = failure_rows([failure], plan, run_id="r", failed_at=NOW)
    assert rows.schema == SAMPLING_FAILURES.schema
    assert rows.row(0, named=True)["error"] == "timeout"


def test_nothing_gives_an_empty_frame_with_the_schema():
    plan, _ = plan_and_request()
    assert trace_rows([], plan, environment={}, run_id="r", sampled_at=NOW).schema == SAMPLED_TRACES.schema
    assert failure_rows([], plan, run_id="r", failed_at=NOW).is_empty()
