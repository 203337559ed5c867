"""Any server that speaks the OpenAI chat completions API, asked concurrently from a background event loop."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from importlib.metadata import version
from types import TracebackType
from typing import Self

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_client import ChatClient, Patience, public_address

Answer = Future[Completion | Failure]
_SECONDS_BETWEEN_PULLS = 0.2


class OpenAIEngine(Engine):
    """Keeps the model's `concurrency` requests in flight; a failed one is tried again up to `max_attempts` times.

    The text of a request is as repeatable as the server makes it; the seed is sent along.
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
        """Engine, client version, address without secrets, and whether seeds are sent."""
        return {
            "engine": "openai",
            "httpx": version("httpx"),
            "address": public_address(self._model),
            "concurrency": str(self._model.concurrency),
            "sends_seed": self._model.sends_seed,
        }

    def stream(self, requests: Iterable[Request | None]) -> Iterator[Completion | Failure]:
        """Answer requests in the order they finish.

        Twice as many requests are handed over as are in flight, so that a place that becomes free is filled while
        the caller is busy with results.
        """
        if self._session is None:
            raise EngineError(f"model {self._model.name!r}: the engine is not open; use it in a `with` statement.")
        feed = RequestFeed(requests)
        asked: set[Answer] = set()
        try:
            while True:
                free = 2 * self._model.concurrency - len(asked)
                asked.update(map(self._session.ask, feed.take(free)))
                if not asked and feed.is_exhausted:
                    return
                done, asked = wait(asked, timeout=_SECONDS_BETWEEN_PULLS, return_when=FIRST_COMPLETED)
                yield from _results(done)
        finally:
            for answer in asked:
                answer.cancel()


def _results(done: set[Answer]) -> Iterator[Completion | Failure]:
    """What was answered; only then the error, if there is one."""
    errors = [error for answer in done if (error := answer.exception()) is not None]
    for answer in done:
        if answer.exception() is None:
            yield answer.result()
    if errors:
        raise errors[0]


class _Session:
    """An event loop in a thread of its own, with a client that lives in it."""

    def __init__(self, model: OpenAIModel, patience: Patience) -> None:
        self._client = ChatClient(model, patience)
        self._places = asyncio.Semaphore(model.concurrency)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"engine-{model.name}", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._client.greet(), self._loop).result()
        except BaseException:
            self.close()
            raise

    def ask(self, request: Request) -> Answer:
        """Start answering a request as soon as a place is free."""
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)

    def close(self) -> None:
        """Give up what is in flight, close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _answer(self, request: Request) -> Completion | Failure:
        async with self._places:
            return await self._client.answer(request)

    async def _leave(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()
