"""The loop between an engine and a table: results are committed as they come, and nothing is committed twice."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.records import Completion, Failure, Request

Commit = Callable[[Sequence[Completion], Sequence[Failure]], None]
"""Makes results durable before it returns; what it raises ends the sampling."""


@dataclass(frozen=True, kw_only=True)
class TemperatureCount:
    """How far one temperature has come."""

    done: int
    failed: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far sampling has come in this run; `done` are completions, `tokens` were generated for them."""

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
    requests: Iterable[Request],
    commit: Commit,
    *,
    totals: Mapping[str, int],
    commit_rows: int,
    commit_seconds: float,
    progress: Callable[[Progress], None],
    progress_seconds: float = 0.5,
    clock: Callable[[], float] = time.monotonic,
) -> SamplingSummary:
    """Answer all requests and commit the results while they come.

    The engine is already entered and pulls requests as it has places free; `totals` are requests per temperature key.
    Results are committed when `commit_rows` of them wait, or one comes `commit_seconds` after the last commit;
    `progress` is told after every commit, and at most every `progress_seconds` between commits. When the engine raises
    or the run is interrupted, what waits is committed and the exception goes on. When `commit` itself raises, its
    results are given up: whether they were written is for the next run to see.

    Raises:
        EngineError: the engine is gone, or did not answer each request exactly once.
    """
    tally = _Tally(totals, clock)
    waiting = _Waiting(commit, commit_rows, commit_seconds, clock)
    pulled = _Pulled(requests)
    try:
        for result in engine.stream(pulled):
            tally.add(result)
            if waiting.add(result) or tally.seconds_since_shown() >= progress_seconds:
                progress(tally.show())
    finally:
        waiting.flush()
    if tally.answered != pulled.count:
        raise EngineError(
            f"{type(engine).__name__} ended with {tally.answered} results for {pulled.count} requests; "
            "expected one each. What came is committed; run again for the rest, and report this engine."
        )
    progress(summary := tally.show())
    return summary


@dataclass
class _Pulled:
    requests: Iterable[Request]
    count: int = 0

    def __iter__(self) -> Iterator[Request]:
        for request in self.requests:
            self.count += 1
            yield request


@dataclass
class _Waiting:
    """Results that are not committed yet."""

    commit: Commit
    rows: int
    seconds: float
    clock: Callable[[], float]
    results: list[Completion | Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.last_commit = self.clock()

    def add(self, result: Completion | Failure) -> bool:
        """Keep one result and commit if it is time to; returns whether it was."""
        self.results.append(result)
        is_time = len(self.results) >= self.rows or self.clock() - self.last_commit >= self.seconds
        if is_time:
            self.flush()
        return is_time

    def flush(self) -> None:
        """Commit what waits. The results leave the list first, so that an interrupted commit is never repeated."""
        results, self.results = self.results, []
        if results:
            self.commit(
                [result for result in results if isinstance(result, Completion)],
                [result for result in results if isinstance(result, Failure)],
            )
        self.last_commit = self.clock()


class _Tally:
    """Running counts."""

    def __init__(self, totals: Mapping[str, int], clock: Callable[[], float]) -> None:
        self.totals = totals
        self.clock = clock
        self.started = self.shown = clock()
        self.done = dict.fromkeys(totals, 0)
        self.failed = dict.fromkeys(totals, 0)
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
            self.tokens += result.completion_tokens or 0

    def show(self) -> Progress:
        self.shown = self.clock()
        seconds = self.shown - self.started
        return Progress(
            done=sum(self.done.values()),
            failed=sum(self.failed.values()),
            total=sum(self.totals.values()),
            tokens=self.tokens,
            tokens_per_second=self.tokens / seconds if seconds > 0 else 0.0,
            seconds=seconds,
            temperatures={
                key: TemperatureCount(done=self.done[key], failed=self.failed[key], total=self.totals[key])
                for key in self.totals
            },
        )
