"""How many requests a server is trusted with at once: additive increase, multiplicative decrease."""

import math
from collections.abc import Callable


class AdaptiveConcurrency:
    """A limit between 1 and `most` that follows what the server says.

    It starts at `most`, is halved when the server refuses a request, and grows by one when as many requests as it
    allows have succeeded since it last changed. Requests sent before a halving were sent under the old limit, so their
    fate says nothing of the new one and is not counted: one round trip halves once, however many requests it refused
    (congestion avoidance as in TCP: Chiu and Jain, 1989; RFC 5681, section 3.1).
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._limit = most
        self._successes = 0
        self._halved_at = -math.inf

    @property
    def limit(self) -> int:
        """Requests that may be in flight together."""
        return self._limit

    def succeeded(self, sent_at: float) -> None:
        """Count a request that was answered; `sent_at` is when it was sent, by the clock."""
        if sent_at <= self._halved_at:
            return
        self._successes += 1
        if self._successes >= self._limit:
            self._limit = min(self._limit + 1, self._most)
            self._successes = 0

    def refused(self, sent_at: float) -> None:
        """Count a request that the server refused because it has too many."""
        if sent_at <= self._halved_at:
            return
        self._limit = max(self._limit // 2, 1)
        self._successes = 0
        self._halved_at = self._clock()
