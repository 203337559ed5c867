from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.errors import EngineError, TableError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.inference.sampler import sample
from openreason_dagster.domain.records import Completion, Failure, Request, SamplingParameters


class MemoryEngine(Engine):
    """Holds up to `places` requests, answers the newest first, and breaks after `breaks_after` results."""

    def __init__(self, *, places=3, breaks_after=None, error=EngineError, fails=frozenset()):
        self.places, self.breaks_after, self.error, self.fails = places, breaks_after, error, fails
        self.most_held = 0

    def stream(self, requests):
        held, given_back, feed = [], 0, RequestFeed(requests)
        while True:
            held += feed.take(self.places - len(held))
            self.most_held = max(self.most_held, len(held))
            if not held:
                return
            if given_back == self.breaks_after:
                raise self.error("gone")
            given_back += 1
            yield self.answer(held.pop())

    def answer(self, request):
        if request.trace_id in self.fails:
            return Failure(request=request, error="http_500", message="", attempts=3)
        return Completion(
            request=request,
            text=f"text of {request.trace_id}",
            reasoning=None,
            finish_reason="stop",
            opened_think=False,
            prompt_tokens=1,
            completion_tokens=10,
            attempts=1,
        )

    def environment(self):
        return {}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return None


class Table:
    """Committed rows, and how many each commit brought."""

    def __init__(self, raises_at=None):
        self.rows, self.sizes, self.raises_at = [], [], raises_at

    def store(self, batch):
        if len(self.sizes) == self.raises_at:
            raise TableError("disk full")
        self.rows += [completion.request.trace_id for completion in batch.completions]
        self.rows += [f"failed {failure.request.trace_id}" for failure in batch.failures]
        self.sizes.append(len(batch.results))

    def pending(self, requests):
        return [request for request in requests if request.trace_id not in self.rows]


class Clock:
    """A clock that goes on by one second whenever it is read."""

    now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def requests_of(count, key="0.6"):
    parameters = SamplingParameters(temperature=0.6, top_p=1.0, top_k=None, max_tokens=8)
    return [
        Request(
            trace_id=f"{key}/{index}",
            prompt_id="p",
            prompt="q",
            messages=(),
            temperature_key=key,
            sample_index=index,
            seed=index,
            parameters=parameters,
        )
        for index in range(count)
    ]


def run(engine, requests, table, **options):
    shown = []
    settings = {"commit_rows": 4, "commit_seconds": 1e9, "progress_seconds": 1e9, "clock": Clock()} | options
    totals = Counter(request.temperature_key for request in requests)
    settings = {"stored": lambda batch, _: None} | settings
    summary = sample(
        engine, iter(requests), store=table.store, totals=lambda: totals, progress=shown.append, **settings
    )
    return summary, shown


def test_commits_every_few_rows_and_the_rest():
    table = Table()
    summary, shown = run(MemoryEngine(), requests_of(10), table)
    assert table.sizes == [4, 4, 2]
    assert (summary.done, summary.failed, summary.total, summary.tokens) == (10, 0, 10, 100)
    assert [progress.done for progress in shown][-1] == 10
    assert len(shown) == 4


def test_commits_when_time_is_up():
    table = Table()
    run(MemoryEngine(), requests_of(5), table, commit_rows=1000, commit_seconds=2.0)
    assert max(table.sizes) <= 2
    assert sum(table.sizes) == 5


def test_progress_between_commits():
    _, shown = run(MemoryEngine(), requests_of(6), Table(), commit_rows=1000, progress_seconds=1.0)
    assert [progress.done for progress in shown][-1] == 6
    assert len(shown) > 3
    assert all(progress.tokens_per_second > 0 for progress in shown)


def test_requests_are_pulled_only_as_places_become_free():
    engine = MemoryEngine(places=2, breaks_after=3)
    requests = iter(requests_of(100))
    with pytest.raises(EngineError):
        sample(
            engine,
            requests,
            store=Table().store,
            stored=lambda batch, _: None,
            totals=lambda: {"0.6": 100},
            commit_rows=10,
            commit_seconds=9,
            progress=lambda _: None,
        )
    assert next(requests).sample_index == 5


def test_counts_by_temperature():
    table = Table()
    fails = frozenset({"1.2/0", "1.2/1"})
    summary, _ = run(MemoryEngine(fails=fails), [*requests_of(3), *requests_of(4, "1.2")], table)
    assert (summary.temperatures["0.6"].done, summary.temperatures["0.6"].total) == (3, 3)
    assert (summary.temperatures["1.2"].done, summary.temperatures["1.2"].failed) == (2, 2)
    assert "failed 1.2/0" in table.rows


@pytest.mark.parametrize("error", [EngineError, KeyboardInterrupt, RuntimeError])
def test_what_waits_is_committed_when_the_engine_breaks(error):
    table = Table()
    with pytest.raises(error):
        run(MemoryEngine(breaks_after=6, error=error), requests_of(10), table)
    assert table.sizes == [4, 2]


def test_a_broken_commit_is_not_repeated():
    table = Table(raises_at=1)
    with pytest.raises(TableError):
        run(MemoryEngine(), requests_of(10), table)
    assert len(table.rows) == len(set(table.rows)) == 4


class Forgetful(MemoryEngine):
    def stream(self, requests):
        return (self.answer(request) for request in list(requests)[1:])


def test_an_engine_that_loses_a_request_is_found_out():
    table = Table()
    with pytest.raises(EngineError, match="9 results for 10 requests"):
        run(Forgetful(), requests_of(10), table)
    assert len(table.rows) == 9


def rationed(requests, answered):
    """Lets three requests be in flight at most, as a budget does near its limit."""
    for number, request in enumerate(requests):
        while number - len(answered) >= 3:
            yield None
        yield request


@pytest.mark.parametrize(("awaits_results", "most_commits"), [(lambda: False, 3), (lambda: True, 12)])
def test_results_are_stored_early_only_when_requests_depend_on_them(awaits_results, most_commits):
    table, requests, answered = Table(), requests_of(12), []
    sample(
        MemoryEngine(places=12), rationed(requests, answered), store=table.store, stored=lambda batch, _: None,
        totals=lambda: {"0.6": 12}, commit_rows=4, commit_seconds=1e9, progress=lambda _: None,
        awaits_results=awaits_results, goes_on=lambda result: answered.append(result) is None,
    )  # fmt: skip
    assert len(table.rows) == 12
    assert len(table.sizes) <= most_commits
    assert (len(table.sizes) == 3) or awaits_results()


class Leaving(MemoryEngine):
    """Notes whether its stream was closed before it was left."""

    closed = left_closed = False

    def stream(self, requests):
        try:
            yield from super().stream(requests)
        finally:
            self.closed = True

    def __exit__(self, kind, error, traceback):
        self.left_closed = self.closed


def test_the_stream_is_closed_before_the_engine_is_left():
    engine = Leaving()
    with pytest.raises(TableError), engine:
        run(engine, requests_of(10), Table(raises_at=0))
    assert engine.left_closed


def test_nothing_to_do():
    table = Table()
    summary, _ = run(MemoryEngine(), [], table)
    assert summary.done == 0
    assert table.sizes == []


@given(
    count=st.integers(0, 40),
    places=st.integers(1, 9),
    commit_rows=st.integers(1, 12),
    schedule=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from([EngineError, KeyboardInterrupt]), st.none() | st.integers(0, 3)),
        max_size=6,
    ),
)
def test_any_schedule_of_breaks_and_restarts_gives_the_same_rows(count, places, commit_rows, schedule):
    requests, table = requests_of(count), Table()
    for breaks_after, error, disk_full_at in schedule:
        table.raises_at = None if disk_full_at is None else len(table.sizes) + disk_full_at
        engine = MemoryEngine(places=places, breaks_after=breaks_after, error=error)
        try:
            run(engine, table.pending(requests), table, commit_rows=commit_rows)
        except (EngineError, KeyboardInterrupt, TableError):
            continue
    table.raises_at = None
    run(MemoryEngine(places=places), table.pending(requests), table, commit_rows=commit_rows)
    assert Counter(table.rows) == Counter(request.trace_id for request in requests)
