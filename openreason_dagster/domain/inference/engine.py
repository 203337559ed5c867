"""The one interface behind which models run."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from openreason_dagster.domain.records import Completion, Failure, Request


class Engine(ABC):
    """A model that answers requests. Entering it loads the weights or opens connections; leaving it frees them.

    Raises on entering:
        EngineError: the weights cannot be loaded or the server cannot be reached at all.
    """

    @abstractmethod
    def stream(self, requests: Iterable[Request | None]) -> Iterator[Completion | Failure]:
        """Answer requests in the order they finish, pulling new ones as places become free.

        Every request yields exactly one completion or failure. The same request gives the same text wherever the
        engine allows it. `requests` is pulled lazily and only from the thread that iterates over the results.

        A pulled None says that what to ask next depends on results that are still to come: the engine goes on with
        what it has in flight and pulls again after its next result, or a moment later. None is never given to an
        engine that has yielded a result for every request it pulled. Closing the iterator gives up what is in flight.

        Raises:
            EngineError: the engine as a whole is gone (server unreachable after retries); what was yielded stands.
        """

    def samples_available(self, prompt: str) -> int:
        """How many samples of a prompt's text can be had; may be called before entering. Imported traces are finite."""
        return sys.maxsize

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Engine, its version, hardware and library versions; recorded with traces, never part of the fingerprint."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
