"""Worker processes that judge answers under a hard time limit and a memory limit, and are replaced when they fail.

An answer that hangs costs its own timeout: the worker reports each judgement as it is made, so the comparison it
was busy with is known, is the only one blamed, and the rest of its chunk goes to another worker.
"""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.registry import Comparison, judge_directly
from openreason_dagster.domain.verification.worker_process import RETIRING

CHUNK = 32
READ_BYTES = 1 << 16
START_SECONDS = 120.0
"""Time a worker may take to start and to load the libraries of a chunk, apart from judging."""
STARTS = 3
"""Workers that may fail to start, one after another, before verification as a whole fails."""

Judged = tuple[Comparison, Judgement]


@dataclass(frozen=True)
class _Task:
    comparison: Comparison
    deaths: int = 0
    """How many workers have died while judging it."""


@dataclass(eq=False)
class _Worker:
    process: "subprocess.Popen[bytes]"
    errors: IO[bytes]
    tasks: deque[_Task] = field(default_factory=deque)
    received: bytes = b""
    is_ready: bool = False
    deadline: float = 0.0

    def last_words(self) -> str:
        """The end of what the process wrote to its error stream."""
        self.errors.seek(0)
        return self.errors.read()[-500:].decode(errors="replace").strip()

    def stop(self) -> None:
        """Kill the process and release what belongs to it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


class Workers:
    """Up to `count` worker processes, started when the first comparison needs one.

    Args:
        count: number of processes.
        timeout_seconds: wall time one comparison may take.
        memory_megabytes: address space one process may have.
    """

    def __init__(self, *, count: int, timeout_seconds: float, memory_megabytes: int) -> None:
        self.count = count
        self.timeout_seconds = timeout_seconds
        self.memory_megabytes = memory_megabytes
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._again: deque[_Task] = deque()
        self._finished: deque[Judged] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop_all()

    def judge(self, items: Iterable[Comparison]) -> Iterator[Judged]:
        """Yield each comparison once with its judgement, in the order they finish.

        At most `count` chunks are in flight and `items` is read no further ahead than that.

        Raises:
            VerificationError: a kind is unknown, or workers cannot start.
        """
        source = iter(items)
        try:
            while True:
                for worker in self._idle():
                    yield from self._feed(worker, source)
                yield from self._drain()
                busy = [worker for worker in self._workers if worker.tasks]
                if not busy and not self._again:
                    return
                self._await(busy)
        finally:
            self._forget()

    def _idle(self) -> Iterator[_Worker | None]:
        """Each worker that has nothing to do, then None for each that is not started yet."""
        for worker in [worker for worker in self._workers if not worker.tasks]:
            if worker.process.poll() is None:
                yield worker
            else:
                self._discard(worker)
        for _ in range(self.count - len(self._workers)):
            yield None

    def _feed(self, worker: _Worker | None, source: Iterator[Comparison]) -> Iterator[Judged]:
        """Give a worker its next chunk, starting one if need be; comparisons that need none are yielded."""
        chunk: list[_Task] = []
        while self._again and len(chunk) < CHUNK:
            chunk.append(self._again.popleft())
        while len(chunk) < CHUNK and (comparison := next(source, None)) is not None:
            started = time.perf_counter()
            judgement = judge_directly(comparison)
            if judgement is None:
                chunk.append(_Task(comparison))
            else:
                yield comparison, replace(judgement, milliseconds=1000 * (time.perf_counter() - started))
        if chunk:
            self._send(worker or self._start(), chunk)

    def _start(self) -> _Worker:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        command = [sys.executable, "-P", "-m", "openreason_dagster.domain.verification.worker_process"]
        limits = [str(self.memory_megabytes), str(self.timeout_seconds)]
        process = subprocess.Popen(  # noqa: S603 - our own module and two numbers
            [*command, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_worker_environment(),
        )
        worker = _Worker(process, errors)
        self._workers.append(worker)
        return worker

    def _send(self, worker: _Worker, chunk: list[_Task]) -> None:
        worker.tasks.extend(chunk)
        worker.is_ready = False
        worker.deadline = time.monotonic() + START_SECONDS
        line = json.dumps([asdict(task.comparison) for task in chunk]) + "\n"
        assert worker.process.stdin is not None
        try:
            worker.process.stdin.write(line.encode())
            worker.process.stdin.flush()
        except BrokenPipeError:
            self._replace(worker)

    def _await(self, busy: list[_Worker]) -> None:
        """Wait until a worker says something, ends, or is out of time; deal with it."""
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                assert worker.process.stdout is not None
                selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
            patience = min((worker.deadline for worker in busy), default=0.0) - time.monotonic()
            heard = [key.data for key, _ in selector.select(max(0.0, patience))]
        for worker in heard:
            self._hear(worker)
        for worker in busy:
            if worker not in heard and worker.deadline <= time.monotonic():
                self._time_out(worker)

    def _hear(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        data = worker.process.stdout.read1(READ_BYTES)  # type: ignore[attr-defined]
        if not data:
            self._replace(worker)
            return
        *lines, worker.received = (worker.received + data).split(b"\n")
        for line in lines:
            self._take(worker, json.loads(line))

    def _take(self, worker: _Worker, said: "dict[str, object] | str") -> None:
        worker.deadline = time.monotonic() + self.timeout_seconds
        if said == RETIRING:
            self._discard(worker)
            return
        if isinstance(said, str):
            worker.is_ready = True
            self._failed_starts = 0
            return
        task = worker.tasks.popleft()
        self._finished.append((task.comparison, _judgement(said)))

    def _time_out(self, worker: _Worker) -> None:
        """Replace a worker whose comparison took too long; only that comparison is judged by it."""
        if not worker.is_ready:
            self._count_failed_start(worker, f"not ready after {START_SECONDS:g} s")
            return
        task = worker.tasks.popleft()
        message = f"stopped after {self.timeout_seconds:g} s"
        self._finished.append((task.comparison, _failed(Verdict.TIMEOUT, message, 1000 * self.timeout_seconds)))
        self._discard(worker)

    def _replace(self, worker: _Worker) -> None:
        """Replace a worker that died; the comparison it was at gets a second chance, for others kill processes too."""
        if not worker.is_ready:
            self._count_failed_start(worker, f"it ended with code {worker.process.wait()}")
            return
        task = worker.tasks.popleft()
        if task.deaths:
            message = f"two worker processes died at it, the second with code {worker.process.wait()}"
            self._finished.append((task.comparison, _failed(Verdict.ERROR, message, 0.0)))
        else:
            worker.tasks.appendleft(replace(task, deaths=1))
        self._discard(worker)

    def _discard(self, worker: _Worker) -> None:
        worker.stop()
        self._workers.remove(worker)
        self._again.extend(worker.tasks)

    def _count_failed_start(self, worker: _Worker, what: str) -> None:
        self._failed_starts += 1
        if self._failed_starts >= STARTS:
            raise VerificationError(
                f"verification workers cannot start: {what}; the last one said {worker.last_words()!r}; expected it to "
                f"load its libraries within {self.memory_megabytes} MB of address space: raise "
                "verification.memory_megabytes, or repair the installation"
            )
        self._discard(worker)

    def _drain(self) -> Iterator[Judged]:
        while self._finished:
            yield self._finished.popleft()

    def _forget(self) -> None:
        """Leave nothing of one call to the next: a worker still busy is stopped."""
        for worker in [worker for worker in self._workers if worker.tasks]:
            worker.stop()
            self._workers.remove(worker)
        self._again.clear()
        self._finished.clear()

    def _stop_all(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers.clear()


def _worker_environment() -> dict[str, str]:
    """All that a worker sees of the environment; nothing is inherited, so that no secret is."""
    import_path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {"PYTHONPATH": import_path, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _judgement(fields: dict[str, object]) -> Judgement:
    extracted, extras = fields["extracted_answer"], fields["extras"]
    assert isinstance(extras, dict)
    return Judgement(
        verdict=Verdict(str(fields["verdict"])),
        extracted_answer=None if extracted is None else str(extracted),
        method=str(fields["method"]),
        message=str(fields["message"]),
        milliseconds=float(str(fields["milliseconds"])),
        extras={str(key): str(value) for key, value in extras.items()},
    )


def _failed(verdict: Verdict, message: str, milliseconds: float) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=None, method="worker/limit", message=message, milliseconds=milliseconds
    )
