"""Requests as an engine pulls them: as many as are ready now."""

from collections.abc import Iterable

from openreason_dagster.domain.records import Request


class RequestFeed:
    """Takes requests from the iterable that `Engine.stream` is given, which says None where it must wait for results.

    Attributes:
        is_exhausted: Whether no request is left, now or later.
    """

    def __init__(self, requests: Iterable[Request | None]) -> None:
        self._requests = iter(requests)
        self.is_exhausted = False

    def take(self, count: int) -> list[Request]:
        """At most `count` requests; fewer where the rest depends on results to come, or where none is left."""
        taken: list[Request] = []
        while len(taken) < count and not self.is_exhausted:
            try:
                request = next(self._requests)
            except StopIteration:
                self.is_exhausted = True
                break
            if request is None:
                break
            taken.append(request)
        return taken
