"""The servers behind one catalogue entry: which of them is asked next, and which is left alone for a while."""

import asyncio
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from yarl import URL

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.adaptive_concurrency import AdaptiveConcurrency
from openreason_dagster.resources.engines.patience import Patience

LONGEST_NAP_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class Replica:
    """One server and what is known of it."""

    base_url: str
    address: str
    """The base URL without user, password and query, which may be secret."""
    concurrency: AdaptiveConcurrency
    pause_seconds: float
    """How long it is set aside the next time."""
    in_flight: int = 0
    sent: int = 0
    losses_in_a_row: int = 0
    resumes_at: float = -math.inf
    """Before this it is asked nothing: it is set aside, or has asked for patience."""
    sick_since: float | None = None
    """When it was set aside, if it has not answered since."""
    refused_since: float | None = None
    """When it first refused a request, if it has answered none since."""


class Replicas:
    """Hands out places, the least loaded replica's first, at most the model's `concurrency` in all.

    A replica that loses `losses_in_a_row` connections is set aside; after a pause, which doubles each time, a single
    request probes it, and any reply makes it well again. One that refuses (HTTP 429 or 503) is trusted with fewer
    requests at once, and asked nothing for as long as it wished.
    """

    def __init__(self, model: OpenAIModel, patience: Patience, clock: Callable[[], float]) -> None:
        self._name, self._most, self._patience, self._clock = model.name, model.concurrency, patience, clock
        self._replicas = [
            Replica(
                base_url=base_url.rstrip("/"),
                address=address,
                concurrency=AdaptiveConcurrency(model.concurrency, clock),
                pause_seconds=patience.backoff_seconds,
            )
            for base_url, address in zip(base_urls(model), public_addresses(model), strict=True)
        ]
        self._addresses = ", ".join(replica.address for replica in self._replicas)
        self._queue = asyncio.Lock()
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._replicas)

    async def place(self, avoided: Replica | None) -> Replica:
        """Wait for a place, first come first served; `release` gives it back.

        Raises:
            EngineError: all replicas are gone.
        """
        async with self._queue:
            while (replica := self.take(avoided)) is None:
                self.check()
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._nap_seconds()):
                        await self._changed.wait()
            return replica

    def take(self, avoided: Replica | None = None) -> Replica | None:
        """A place with the least loaded replica that can be asked now, rather not with `avoided`; None if none can."""
        now = self._clock()
        if sum(replica.in_flight for replica in self._replicas) >= self._most:
            return None
        ready = [replica for replica in self._replicas if _is_ready(replica, now)]
        if not ready:
            return None
        chosen = min(ready, key=lambda replica: (replica is avoided, replica.in_flight, replica.sent))
        chosen.in_flight += 1
        chosen.sent += 1
        return chosen

    def release(self, replica: Replica) -> None:
        """Give a place back."""
        replica.in_flight -= 1
        self._changed.set()

    def answered(self, replica: Replica) -> None:
        """A reply came that was no refusal."""
        self._recover(replica)
        replica.refused_since = None

    def refused(self, replica: Replica, sent_at: float, *, pause_seconds: float) -> None:
        """The replica has too much to do, and wants to be left alone for `pause_seconds`.

        Raises:
            EngineError: for too long no replica has done anything but refuse.
        """
        now = self._clock()
        self._recover(replica)
        replica.concurrency.refused(sent_at)
        replica.resumes_at = max(replica.resumes_at, now + pause_seconds)
        if replica.refused_since is None:
            replica.refused_since = now
        since = [
            now if one.refused_since is None else one.refused_since for one in self._replicas if one.sick_since is None
        ]
        if now - max(since) >= self._patience.refused_seconds:
            raise EngineError(
                f"model {self._name!r}: {self._addresses} refused every request with HTTP 429 or 503 for "
                f"{now - max(since):.3g} seconds. Set `requests_per_minute` or `tokens_per_minute` in the catalogue "
                "file to what the server allows, or wait until it has room, and run again: finished work is kept."
            )

    def lost(self, replica: Replica) -> None:
        """A connection broke, could not be made, or brought no reply in time."""
        replica.losses_in_a_row += 1
        if replica.losses_in_a_row >= self._patience.losses_in_a_row:
            self.set_aside(replica)

    def set_aside(self, replica: Replica) -> None:
        """Ask nothing of a replica for a while; does nothing while that lasts."""
        now = self._clock()
        if now < replica.resumes_at:
            return
        if replica.sick_since is None:
            replica.sick_since = now
            _LOG.warning("model %r: %s does not answer and is set aside", self._name, replica.address)
        replica.resumes_at = now + replica.pause_seconds
        replica.pause_seconds = min(2 * replica.pause_seconds, self._patience.longest_wait_seconds)

    def check(self) -> None:
        """See whether waiting for a place still makes sense.

        Raises:
            EngineError: all replicas have been set aside for too long, and no probe is on its way.
        """
        if any(replica.in_flight or replica.sick_since is None for replica in self._replicas):
            return
        seconds = self._clock() - max(replica.sick_since or 0.0 for replica in self._replicas)
        if seconds >= self._patience.gone_seconds:
            raise EngineError(
                f"model {self._name!r}: no reply from {self._addresses} for {seconds:.3g} seconds, every connection "
                "was lost. Start the server again and run again: finished work is kept."
            )

    def _recover(self, replica: Replica) -> None:
        if replica.sick_since is not None:
            _LOG.warning("model %r: %s answers again", self._name, replica.address)
            replica.resumes_at = -math.inf
        replica.losses_in_a_row, replica.sick_since = 0, None
        replica.pause_seconds = self._patience.backoff_seconds

    def _nap_seconds(self) -> float:
        now = self._clock()
        pauses = [replica.resumes_at - now for replica in self._replicas if replica.resumes_at > now]
        return min([*pauses, LONGEST_NAP_SECONDS])


def _is_ready(replica: Replica, now: float) -> bool:
    most = replica.concurrency.limit if replica.sick_since is None else 1
    return now >= replica.resumes_at and replica.in_flight < most


def base_urls(model: OpenAIModel) -> list[str]:
    """The addresses of a catalogue entry, at least one.

    Raises:
        EngineError: there is none.
    """
    urls = [model.base_url] if isinstance(model.base_url, str) else model.base_url
    if not urls:
        raise EngineError(
            f"model {model.name!r}: `base_url` is an empty list; expected at least one address. Add it to the "
            "catalogue file."
        )
    return urls


def public_addresses(model: OpenAIModel) -> list[str]:
    """The addresses of a catalogue entry without user, password and query, which may be secret.

    Raises:
        EngineError: one is no address, or there is none.
    """
    try:
        return [_without_secrets(URL(base_url)) for base_url in base_urls(model)]
    except ValueError:
        raise EngineError(
            f"model {model.name!r}: `base_url` is not an address; expected e.g. http://localhost:8000/v1. Correct it."
        ) from None


def _without_secrets(url: URL) -> str:
    return str(url.with_user(None).with_query(None).with_fragment(None))
