"""Every request ends as exactly one row, whatever the server does and whenever the work is killed."""

import threading

import polars as pl
import pytest
from endpoint import QUICK, Table, expected_outcome, model_of, requests_of
from fault_server import RATES, FaultServer, text_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.plan import build_plan
from openreason_dagster.domain.inference.request_source import FixedSamples
from openreason_dagster.domain.inference.sampler import sample
from openreason_dagster.domain.recipe_sampling import Sampling
from openreason_dagster.resources.engines.openai import OpenAIEngine
from openreason_dagster.resources.judging import PROMPT_COLUMNS
from openreason_dagster.resources.model_plan import ModelPlan
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.trace_store import TraceStore

QUESTIONS = pl.DataFrame(
    {"prompt_id": [str(index) for index in range(10_000)], "prompt": [f"question {index}" for index in range(10_000)]}
).with_columns(pl.lit(None, pl.String).alias(name) for name in PROMPT_COLUMNS if name != "prompt_id")


def faultless(requests):
    return {request.trace_id: text_for(request.prompt, request.seed) for request in requests}


def texts(table):
    return {trace_id: completion.text for trace_id, completion in table.completions.items()}


def sample_into(tables, model):
    """One run of 10,000 requests into real tables; returns the requests that this run asked."""
    sampling = Sampling(samples_per_prompt=1, max_tokens=8)
    plan = build_plan(model, sampling, temperature_keys=["0.6"], template="{prompt}", weights={})
    committed = set(tables.scan("sampled_traces").select("trace_id").collect()["trace_id"])
    source = FixedSamples(QUESTIONS, plan, committed=committed)
    asked = list(source)
    with OpenAIEngine(model, patience=QUICK) as engine:
        run = ModelPlan(entry=model, plan=plan, engine=engine, prompts=QUESTIONS, source=source, counts=source.counts)
        store = TraceStore(tables, "accounts", "run", run, None)
        store.forget_failures(["0.6"])
        sample(
            engine, asked, store=store.put, stored=lambda batch, _: None, totals=source.totals, commit_rows=500,
            commit_seconds=60.0, progress=lambda _: None,
        )  # fmt: skip
    return asked


def written(row):
    """The server's text, which is split where its think block ends."""
    return f"<think>{row['reasoning']}</think>{row['answer']}" if row["reasoning"] else row["answer"]


def rows_of(tables, name):
    return {row["trace_id"]: row for row in tables.scan(name).collect().iter_rows(named=True)}


@pytest.mark.slow
def test_ten_thousand_requests_against_every_fault(tmp_path):
    tables = Tables(root=str(tmp_path))
    with FaultServer(seed=3) as server:
        model = model_of(server.base_url, timeout_seconds=3.0, concurrency=32)
        requests = sample_into(tables, model)
        traces, failures = rows_of(tables, "sampled_traces"), rows_of(tables, "sampling_failures")
        assert tables.scan("sampled_traces").collect().height == len(traces), "one row per request"
        assert traces.keys() | failures.keys() == {request.trace_id for request in requests}
        assert not traces.keys() & failures.keys()

        outcomes = {trace_id: (written(row), row["attempts"]) for trace_id, row in traces.items()}
        outcomes |= {trace_id: (row["error"], row["attempts"]) for trace_id, row in failures.items()}
        expected = {request.trace_id: expected_outcome(request, 3, RATES) for request in requests}
        different = [trace_id for trace_id in expected if outcomes[trace_id] != expected[trace_id]]
        assert len(different) <= 64, "a machine that stalls may let all good replies in flight time out"
        assert all(1 <= attempts <= 3 for _, attempts in outcomes.values())
        assert 150 < len(failures) < 1_000
        assert all(row["message"] for row in failures.values())

        server.rates = {}
        assert {request.trace_id for request in sample_into(tables, model)} == failures.keys(), "only what failed"
    assert not rows_of(tables, "sampling_failures")
    found = {trace_id: written(row) for trace_id, row in rows_of(tables, "sampled_traces").items()}
    assert found == faultless(requests)


@pytest.mark.slow
def test_samples_asked_together_against_every_fault():
    requests = requests_of(250, samples=8)
    table = Table()
    rates = RATES | {"too_few_choices": 0.1, "too_many_choices": 0.1}
    with FaultServer(seed=4, rates=rates) as server:
        model = model_of(server.base_url, timeout_seconds=3.0, concurrency=16, samples_per_request=4)
        with OpenAIEngine(model, patience=QUICK) as engine:
            table.fill(engine, iter(requests))
        assert table.completions.keys() | table.failures.keys() == {request.trace_id for request in requests}
        assert not table.completions.keys() & table.failures.keys()
        results = [*table.completions.values(), *table.failures.values()]
        assert all(1 <= result.attempts <= 3 for result in results)

        server.rates = {}
        with OpenAIEngine(model, patience=QUICK) as engine:
            table.fill(engine, table.pending(requests))
    assert len(texts(table)) == len(requests)
    assert len(set(texts(table).values())) == len(requests)


class KilledError(Exception):
    """Stands for whatever ends a run."""


kills = st.tuples(st.sampled_from(["closed", "raised", "died"]), st.integers(0, 12))


@pytest.fixture(scope="module")
def server():
    rates = {fault: rate for fault, rate in RATES.items() if fault != "hang"}
    with FaultServer(seed=5, rates=rates) as running:
        yield running


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=st.lists(kills, max_size=4), concurrency=st.integers(1, 6))
def test_kills_and_restarts_change_nothing(server, schedule, concurrency):
    requests, table = requests_of(16), Table()
    model = model_of(server.base_url, concurrency=concurrency)
    for kind, after in schedule:
        run_and_kill(server, model, table, requests, kind=kind, after=after)
    while pending := table.pending(requests):
        with OpenAIEngine(model, patience=QUICK) as engine:
            table.fill(engine, pending)
    assert texts(table) == faultless(requests)
    assert not table.failures


def run_and_kill(server, model, table, requests, *, kind, after):
    """One run that ends after so many results: the consumer stops, it fails, or the server is gone."""
    seen = []

    def goes_on(result):
        seen.append(result)
        if len(seen) <= after:
            return True
        if kind == "raised":
            raise KilledError
        if kind == "died" and len(seen) == after + 1:
            server.die()
        return kind == "died"

    try:
        with OpenAIEngine(model, patience=QUICK) as engine:
            table.fill(engine, table.pending(requests), goes_on=goes_on, commit_rows=3)
    except KilledError:
        assert kind == "raised"
    except EngineError:
        assert kind == "died"
    if kind == "died" and len(seen) > after:
        server.revive()
    rest = [thread.name for thread in threading.enumerate() if thread.name.startswith("engine-")]
    assert not rest, "a killed run leaves no thread behind"
