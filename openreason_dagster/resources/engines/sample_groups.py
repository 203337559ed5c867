"""Requests that can be asked as several samples of one HTTP request."""

from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.records import Request


class SampleGroups:
    """Neighbouring requests with the same messages and parameters, at most `most` together.

    At most one request is pulled ahead of those handed out, to see that a group ends before it.
    """

    def __init__(self, feed: RequestFeed, most: int) -> None:
        self._feed = feed
        self._most = most
        self._ahead: list[Request] = []

    @property
    def is_exhausted(self) -> bool:
        """Whether no group is left, now or later."""
        return self._feed.is_exhausted and not self._ahead

    def take(self, count: int) -> list[list[Request]]:
        """At most `count` groups, none empty; fewer where the rest depends on results to come, or none is left."""
        groups: list[list[Request]] = []
        while len(groups) < count and (group := self._next()):
            groups.append(group)
        return groups

    def _next(self) -> list[Request]:
        group = self._ahead or self._feed.take(1)
        self._ahead = []
        while 0 < len(group) < self._most and (following := self._feed.take(1)):
            if not _can_share(group[0], following[0]):
                self._ahead = following
                break
            group += following
        return group


def _can_share(first: Request, other: Request) -> bool:
    return first.messages == other.messages and first.parameters == other.parameters
