"""Questions whose replies have a form: what cannot be read is asked for again."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from openreason_dagster.domain.inference.questions import Question, Reply

Ask = Callable[[Iterable[Question]], Mapping[Question, Reply]]
"""Replies to questions; one that the budget refuses has none."""
_Subject = TypeVar("_Subject")
_Found = TypeVar("_Found")


def ask_until_read(
    ask: Ask,
    subjects: Iterable[_Subject],
    *,
    question: Callable[[_Subject, int], Question],
    read: Callable[[_Subject, Reply | None], _Found],
    is_unreadable: Callable[[_Found], bool],
    attempts: int,
) -> dict[_Subject, _Found]:
    """What was found of each subject, in their order; one whose reply cannot be read is asked about again.

    Args:
        ask: What it raises goes on to the caller.
        subjects: Equal ones are asked about once.
        question: About a subject, at an attempt from 1.
        read: None is a question that the budget refused.
        is_unreadable: Whether to ask again.
        attempts: How often in all, 1 at least.
    """
    found: dict[_Subject, _Found] = {}
    pending = list(dict.fromkeys(subjects))
    for attempt in range(1, attempts + 1):
        if not pending:
            break
        asked = {subject: question(subject, attempt) for subject in pending}
        replies = ask(asked.values())
        found |= {subject: read(subject, replies.get(each)) for subject, each in asked.items()}
        pending = [subject for subject in pending if is_unreadable(found[subject])]
    return found
