"""The loop between an engine and a table: results are committed as they come, and nothing is committed twice.

Results are stored in a thread of their own, one batch after the other, so that the engine is never kept waiting for a
disk or a verifier.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.paid_tokens import paid_tokens
from openreason_dagster.domain.records import Completion, Failure, Request

Judged = TypeVar("Judged")


@dataclass(frozen=True)
class Batch:
    """Results that are stored together."""

    completions: Sequence[Completion]
    failures: Sequence[Failure]

    @property
    def results(self) -> list[Completion | Failure]:
        """All of them, completions first."""
        return [*self.completions, *self.failures]


@dataclass(frozen=True, kw_only=True)
class TemperatureCount:
    """How far one temperature has come."""

    done: int
    failed: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far sampling has come in this run; `done` are completions, `tokens` were generated for them.

    Where a server does not tell how many, the most that can have been count; for imported ones, none.
    """

    done: int
    failed: int
    total: int
    tokens: int
    tokens_per_second: float
    seconds: float
    temperatures: Mapping[str, TemperatureCount]


SamplingSummary = Progress
"""The last progress of a run: everything in it has been committed."""


def sample(
    engine: Engine,
    requests: Iterable[Request | None],
    *,
    store: Callable[[Batch], Judged],
    stored: Callable[[Batch, Judged], None],
    totals: Callable[[], Mapping[str, int]],
    commit_rows: int,
    commit_seconds: float,
    progress: Callable[[Progress], None],
    awaits_results: Callable[[], bool] = lambda: False,
    goes_on: Callable[[Completion | Failure], bool] = lambda _: True,
    progress_seconds: float = 0.5,
    clock: Callable[[], float] = time.monotonic,
) -> SamplingSummary:
    """Answer all requests and commit the results while they come.

    Args:
        engine: Already entered; it pulls requests as it has places free.
        requests: What to ask; None where nothing can be asked before more results have come.
        store: Makes a batch durable before it returns. Called in a thread of its own, one call at a time.
        stored: Told of each stored batch and what `store` returned, in order, in the caller's thread, before any
            further request is pulled.
        totals: Requests per temperature key, as far as they are known.
        commit_rows: A batch is stored when so many results wait. Twice as many at most are held in memory.
        commit_seconds: Or when a result comes so long after the last batch.
        progress: Told after every batch, and at most every `progress_seconds` besides.
        awaits_results: Whether a None of `requests` means that results must be stored for it to go on, and not only
            answered: they are then stored at once.
        goes_on: Told of each result as it comes; where it answers False, what is in flight is given up.
        progress_seconds: See `progress`.
        clock: Seconds that never go back.

    When the engine raises or the run is interrupted, what waits is stored and the exception goes on. When `store`
    itself raises, its batch is given up: whether it was written is for the next run to see.

    Raises:
        EngineError: the engine is gone, or did not answer each request exactly once.
    """
    run = _Run(
        store, stored, _Tally(totals, clock), progress=progress, commit_rows=commit_rows, commit_seconds=commit_seconds,
        awaits_results=awaits_results,
    )  # fmt: skip
    stopped = False
    with run.thread:
        try:
            results = engine.stream(run.pulled(requests))
            try:
                for result in results:
                    run.add(result, progress_seconds)
                    if stopped := not goes_on(result):
                        break
            finally:
                _close(results)
        finally:
            run.settle()
    if run.tally.answered != run.pulled_count and not stopped:
        raise EngineError(
            f"{type(engine).__name__} ended with {run.tally.answered} results for {run.pulled_count} requests; "
            "expected one each. What came is committed; run again for the rest, and report this engine."
        )
    progress(summary := run.tally.show())
    return summary


def _close(results: Iterator[Completion | Failure]) -> None:
    """Give up what the engine has in flight."""
    if isinstance(results, Generator):
        results.close()


class _Run(Generic[Judged]):
    """Results between the engine and the store."""

    def __init__(
        self,
        store: Callable[[Batch], Judged],
        stored: Callable[[Batch, Judged], None],
        tally: "_Tally",
        *,
        progress: Callable[[Progress], None],
        commit_rows: int,
        commit_seconds: float,
        awaits_results: Callable[[], bool],
    ) -> None:
        self.tally = tally
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self.pulled_count = 0
        self._store = store
        self._stored = stored
        self._progress = progress
        self._commit_rows = commit_rows
        self._commit_seconds = commit_seconds
        self._awaits_results = awaits_results
        self._waiting: list[Completion | Failure] = []
        self._running: tuple[Batch, Future[Judged]] | None = None
        self._last_commit = tally.clock()

    def pulled(self, requests: Iterable[Request | None]) -> Iterator[Request | None]:
        """The requests, counted. None goes on to the engine only while it has something else to do."""
        for request in requests:
            if request is not None:
                self.pulled_count += 1
                yield request
            elif self.pulled_count > self.tally.answered:
                if self._awaits_results():
                    self._start()
                yield None
            elif not self.settle():
                raise EngineError("the plan waits for results, but all have come; report this.")
            self._deliver()

    def add(self, result: Completion | Failure, progress_seconds: float) -> None:
        """Keep one result, and store what waits if it is time to."""
        self.tally.add(result)
        self._waiting.append(result)
        self._deliver()
        is_full = len(self._waiting) >= self._commit_rows
        if is_full:
            self._wait()
        if is_full or self.tally.clock() - self._last_commit >= self._commit_seconds:
            self._start()
        if self.tally.seconds_since_shown() >= progress_seconds:
            self._progress(self.tally.show())

    def settle(self) -> bool:
        """Store all that waits; whether there was anything."""
        had_any = self._running is not None or bool(self._waiting)
        try:
            self._wait()
        finally:
            self._start()
            self._wait()
        return had_any

    def _start(self) -> None:
        """Store what waits, unless a batch is being stored just now."""
        if self._running is not None or not self._waiting:
            return
        results, self._waiting = self._waiting, []
        batch = Batch(
            [result for result in results if isinstance(result, Completion)],
            [result for result in results if isinstance(result, Failure)],
        )
        self._running = batch, self.thread.submit(self._store, batch)
        self._last_commit = self.tally.clock()

    def _deliver(self) -> None:
        if self._running is not None and self._running[1].done():
            self._wait()

    def _wait(self) -> None:
        """Wait for the batch that is being stored. It is forgotten first, so that it is never stored twice."""
        if self._running is None:
            return
        (batch, future), self._running = self._running, None
        self._stored(batch, future.result())
        self._progress(self.tally.show())


class _Tally:
    """Running counts."""

    def __init__(self, totals: Callable[[], Mapping[str, int]], clock: Callable[[], float]) -> None:
        self.totals = totals
        self.clock = clock
        self.started = self.shown = clock()
        self.done = dict.fromkeys(totals(), 0)
        self.failed = dict.fromkeys(totals(), 0)
        self.tokens = 0

    @property
    def answered(self) -> int:
        return sum(self.done.values()) + sum(self.failed.values())

    def seconds_since_shown(self) -> float:
        return self.clock() - self.shown

    def add(self, result: Completion | Failure) -> None:
        key = result.request.temperature_key
        if isinstance(result, Failure):
            self.failed[key] += 1
        else:
            self.done[key] += 1
            self.tokens += paid_tokens(result)[1]

    def show(self) -> Progress:
        self.shown = self.clock()
        seconds, totals = self.shown - self.started, self.totals()
        return Progress(
            done=sum(self.done.values()),
            failed=sum(self.failed.values()),
            total=sum(totals.values()),
            tokens=self.tokens,
            tokens_per_second=self.tokens / seconds if seconds > 0 else 0.0,
            seconds=seconds,
            temperatures={
                key: TemperatureCount(done=self.done[key], failed=self.failed[key], total=total)
                for key, total in totals.items()
            },
        )
