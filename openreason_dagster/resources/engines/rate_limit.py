"""How much may be asked of a server per minute."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_SECONDS = 60.0
SLOT_SECONDS = 0.25
LONGEST_NAP_SECONDS = 0.5


@dataclass(kw_only=True)
class _Slot:
    """What was reserved in a quarter of a second; `last` is when anything was last added."""

    first: float
    last: float
    amount: int


@dataclass(frozen=True)
class Reservation:
    """An amount that counts from the moment it was reserved."""

    slot: _Slot
    amount: int


class RateLimit:
    """An amount per minute: in no window of 60 seconds is more reserved than that.

    Memory is constant: reservations of a quarter of a second are kept as one sum, which counts until the last of them
    is 60 seconds old. An amount above the whole limit waits until nothing else counts, and then goes alone.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._slots: deque[_Slot] = deque()

    def wait_seconds(self, amount: int) -> float:
        """Seconds until `amount` can be reserved if nothing is settled before; 0 when it can be now."""
        now = self._clock()
        while self._slots and now - self._slots[0].last >= WINDOW_SECONDS:
            self._slots.popleft()
        excess = sum(slot.amount for slot in self._slots) + min(amount, self._per_minute) - self._per_minute
        for slot in self._slots:
            if excess <= 0:
                break
            excess -= slot.amount
            until = slot.last + WINDOW_SECONDS
            if excess <= 0:
                return until - now
        return 0.0

    def reserve(self, amount: int) -> Reservation:
        """Count an amount from now on; the caller has waited for it."""
        now = self._clock()
        if not self._slots or now - self._slots[-1].first >= SLOT_SECONDS:
            self._slots.append(_Slot(first=now, last=now, amount=0))
        slot = self._slots[-1]
        slot.last = now
        slot.amount += amount
        return Reservation(slot, amount)

    def settle(self, reservation: Reservation, used: int) -> None:
        """Replace a reserved amount by the one that was used, counted from the same moment."""
        reservation.slot.amount += used - reservation.amount


class RateGate:
    """Requests and tokens per minute of one model; whoever came first goes first."""

    def __init__(self, requests: int | None, tokens: int | None, *, clock: Callable[[], float]) -> None:
        self._requests = None if requests is None else RateLimit(requests, clock)
        self._tokens = None if tokens is None else RateLimit(tokens, clock)
        self._queue = asyncio.Lock()

    async def reserve(self, tokens: int) -> Reservation | None:
        """Wait until one request of so many tokens may be sent; returns what is to be settled, if tokens count."""
        async with self._queue:
            while (seconds := self._wait_seconds(tokens)) > 0:
                await asyncio.sleep(min(seconds, LONGEST_NAP_SECONDS))  # what is settled may shorten the wait
            if self._requests is not None:
                self._requests.reserve(1)
            return None if self._tokens is None else self._tokens.reserve(tokens)

    def settle(self, reservation: Reservation | None, used: int) -> None:
        """Count the tokens that a request really used."""
        if self._tokens is not None and reservation is not None:
            self._tokens.settle(reservation, used)

    def _wait_seconds(self, tokens: int) -> float:
        return max(
            0.0 if self._requests is None else self._requests.wait_seconds(1),
            0.0 if self._tokens is None else self._tokens.wait_seconds(tokens),
        )
