"""Questions to an assistant whose replies have a form: what cannot be read is asked for again."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.resources.assistant import Assistant

_Subject = TypeVar("_Subject")
_Found = TypeVar("_Found")


def ask_until_read(
    assistant: Assistant,
    subjects: Sequence[_Subject],
    *,
    question: Callable[[_Subject, int], Question],
    read: Callable[[_Subject, Reply | None], _Found],
    is_unreadable: Callable[[_Found], bool],
    attempts: int,
) -> dict[_Subject, _Found]:
    """What was found of each subject; one whose reply cannot be read is asked about up to `attempts` times.

    Raises:
        EngineError: the model is gone; what was answered is committed.
        RecipeError: the budget is stated in another currency than the model's price.
    """
    found: dict[_Subject, _Found] = {}
    pending = list(dict.fromkeys(subjects))
    for attempt in range(1, attempts + 1):
        asked = {subject: question(subject, attempt) for subject in pending}
        replies = assistant.ask(asked.values())
        found |= {subject: read(subject, replies.get(each)) for subject, each in asked.items()}
        pending = [subject for subject in pending if is_unreadable(found[subject])]
        if not pending:
            break
    return found
