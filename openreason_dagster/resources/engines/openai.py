"""Any server that speaks the OpenAI chat or text completions API, asked concurrently from a background event loop."""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
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

Task = Future[None]
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
            "httpx": version("httpx"),
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
        results: SimpleQueue[Completion | Failure | Task] = SimpleQueue()
        tasks: set[Task] = set()
        try:
            while True:
                for group in groups.take(2 * self._model.concurrency - len(tasks)):
                    tasks.add(self._session.ask(group, results))
                if not tasks and groups.is_exhausted:
                    return
                try:
                    result = results.get(timeout=_SECONDS_BETWEEN_PULLS)
                except Empty:
                    continue
                if not isinstance(result, Future):
                    yield result
                    continue
                tasks.discard(result)
                if (error := result.exception()) is not None:
                    yield from _left_in(results)
                    raise error
        finally:
            for task in tasks:
                task.cancel()


def _left_in(results: "SimpleQueue[Completion | Failure | Task]") -> Iterator[Completion | Failure]:
    while not results.empty():
        result = results.get()
        if not isinstance(result, Future):
            yield result


class _Session:
    """An event loop in a thread of its own, with a client that lives in it."""

    def __init__(self, model: OpenAIModel, patience: Patience) -> None:
        self._client = ChatClient(model, patience)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"engine-{model.name}", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._client.greet(), self._loop).result()
        except BaseException:
            self.close()
            raise

    def ask(self, requests: Sequence[Request], results: "SimpleQueue[Completion | Failure | Task]") -> Task:
        """Start answering requests that can be asked together; the task itself follows their results when it ends."""
        task = asyncio.run_coroutine_threadsafe(self._client.answer(requests, results.put), self._loop)
        task.add_done_callback(results.put)
        return task

    def close(self) -> None:
        """Give up what is in flight, close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _leave(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()
