"""Rows on their way through steps, each of which may leave some out: of a row the first problem counts."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from openreason_dagster.domain.writing.replies import Problem


class Draft(Protocol):
    """One row on its way."""

    @property
    def problem(self) -> Problem | None:
        """Why it is left out; None as long as it is not."""


AnyDraft = TypeVar("AnyDraft", bound=Draft)
Step = Callable[[Sequence[AnyDraft]], Iterable[AnyDraft]]
"""Gives each draft that it takes once, in the same order."""


def taken_through(steps: Iterable[Step[AnyDraft]], drafts: Iterable[AnyDraft]) -> list[AnyDraft]:
    """All drafts in their order, each step taken by those that no earlier one left out."""
    done = list(drafts)
    for step in steps:
        stepped = iter(step([draft for draft in done if draft.problem is None]))
        done = [next(stepped) if draft.problem is None else draft for draft in done]
    return done
