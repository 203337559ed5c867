"""Any server that speaks the OpenAI chat or text completions API, asked concurrently from a background event loop."""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_client import ChatClient
from openreason_dagster.resources.engines.patience import Patience
from openreason_dagster.resources.engines.replicas import public_addresses
from openreason_dagster.resources.engines.sample_groups import SampleGroups

_SECONDS_BETWEEN_PULLS = 0.2


class OpenAIEngine(Engine):
    """Keeps up to `concurrency` HTTP requests in flight; a failed one is tried again up to `max_attempts` times.

    The text of a request is as repeatable as the server makes it: its seed is sent along, unless several samples are
    asked in one HTTP request, which have only one.
    """

    def __init__(self, model: OpenAIModel, *, patience: Patience | None = None) -> None:
        self._model = model
        self._patience = patience or Patience()
        self._session: _Session | None = None

    def __enter__(self) -> Self:
        self._session = _Session(self._model, self._patience)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None

    def environment(self) -> dict[str, str]:
        """Engine, client version, addresses without secrets, and how requests are sent."""
        return {
            "engine": "openai",
            "aiohttp": version("aiohttp"),
            "address": ", ".join(public_addresses(self._model)),
            "api": self._model.api,
            "concurrency": str(self._model.concurrency),
            "samples_per_request": str(self._model.samples_per_request),
            "sends_seed": self._model.sends_seed,
        }

    def stream(self, requests: Iterable[Request | None]) -> Iterator[Completion | Failure]:
        """Answer requests in the order they finish.

        Twice as many are handed over as are in flight, so that a place that becomes free is filled while the caller
        is busy with results. When the engine is gone, what was answered is yielded before the error is raised.
        """
        if self._session is None:
            raise EngineError(f"model {self._model.name!r}: the engine is not open; use it in a `with` statement.")
        groups = SampleGroups(RequestFeed(requests), self._model.samples_per_request)
        flight = _GroupsInFlight()
        at_a_time = max(1, self._model.concurrency // 4)  # so that a slow caller still refills long before all are done
        try:
            while flight.count or not groups.is_exhausted:
                if asked := groups.take(2 * self._model.concurrency - flight.count):
                    self._session.ask(asked, flight)
                yield from flight.take_results(most=at_a_time, patience=_SECONDS_BETWEEN_PULLS)
        finally:
            self._session.abandon(flight)


@dataclass(frozen=True)
class _Ended:
    """All results of a group have come, or an error says why none will."""

    error: BaseException | None


@dataclass
class _GroupsInFlight:
    """What one stream has asked and not yet seen answered."""

    count: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Belongs to the session's thread."""
    events: SimpleQueue[Completion | Failure | _Ended] = field(default_factory=SimpleQueue)

    def take_results(self, *, most: int, patience: float) -> Iterator[Completion | Failure]:
        """At most so many results that are there; waits up to `patience` seconds for the first.

        Where a group has ended with an error, all results that are there come, and then that error is raised.
        """
        errors = []
        for event in self._take(most, patience):
            if not isinstance(event, _Ended):
                yield event
                continue
            self.count -= 1
            if event.error is not None:
                errors.append(event.error)
        if errors:
            yield from (event for event in self._take(self.events.qsize(), 0) if not isinstance(event, _Ended))
            raise errors[0]

    def end(self, task: asyncio.Task[None]) -> None:
        """Note that a task has ended. Called in the session's thread."""
        self.tasks.discard(task)
        self.events.put(_Ended(None if task.cancelled() else task.exception()))

    def _take(self, most: int, patience: float) -> Iterator[Completion | Failure | _Ended]:
        with suppress(Empty):
            for number in range(most):
                yield self.events.get(timeout=0 if number else patience)


class _Session:
    """An event loop in a thread of its own, with a client that lives in it."""

    def __init__(self, model: OpenAIModel, patience: Patience) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"engine-{model.name}", daemon=True)
        self._thread.start()
        self._client: ChatClient | None = None
        try:
            asyncio.run_coroutine_threadsafe(self._open(model, patience), self._loop).result()
        except BaseException:
            self.close()
            raise

    def ask(self, groups: Sequence[Sequence[Request]], flight: _GroupsInFlight) -> None:
        """Start answering groups of requests that can be asked together; their results will be among `flight`'s."""
        flight.count += len(groups)
        self._loop.call_soon_threadsafe(self._begin, groups, flight)

    def abandon(self, flight: _GroupsInFlight) -> None:
        """Give up what is not answered yet."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in flight.tasks])

    def close(self) -> None:
        """Give up what is in flight, close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _begin(self, groups: Sequence[Sequence[Request]], flight: _GroupsInFlight) -> None:
        assert self._client is not None
        for group in groups:
            task = self._loop.create_task(self._client.answer(group, flight.events.put))
            flight.tasks.add(task)
            task.add_done_callback(flight.end)

    async def _open(self, model: OpenAIModel, patience: Patience) -> None:
        self._client = ChatClient(model, patience)
        await self._client.greet()

    async def _leave(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
