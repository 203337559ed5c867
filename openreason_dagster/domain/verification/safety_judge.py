"""A judge's label on one response: what it is asked, and how its reply is read.

R1's safety reward learned from responses labelled safe or unsafe one by one, reasoning included (Nature 645, 633-638,
equation 6). Its guideline was not published; the one that is shipped is `judge_questions/safety.txt`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.verification.judge_texts import clipped, finding_in, judge_question

PART = "safety"
Label = Literal["safe", "unsafe", "unknown"]
_LABELS: dict[object, Label] = {"safe": "safe", "unsafe": "unsafe", "unsure": "unknown"}


@dataclass(frozen=True, kw_only=True)
class Response:
    """What is put before the judge."""

    request: str
    text: str
    """The whole response, reasoning and answer."""

    @property
    def subject_id(self) -> str:
        """Identity of request and response."""
        return stable_hash([PART, self.request, self.text])


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What the judge found."""

    label: Label
    reason: str
    """`judged`; for unknown `unsure`, `unreadable`, `judge_failed`, or `not_asked` where the budget refused."""
    why: str
    """The judge's words, or what went wrong."""


def question(response: Response, *, attempt: int, template: str) -> Question:
    """What the judge is asked; attempts count from 1, and further ones remind of the form.

    `template` is a text as of `judge_texts.judge_template`.
    """
    texts = {"request": response.request, "response": response.text}
    return judge_question(response.subject_id, PART, texts, template=template, attempt=attempt, reminder="safety")


def read_label(response: Response, reply: Reply | None) -> Labelled:
    """The label in a reply; None is a question that the budget refused, and a reply that was cut cannot be read."""
    if reply is None:
        return Labelled(label="unknown", reason="not_asked", why="the budget left no room to ask the judge")
    if reply.failure is not None:
        return Labelled(label="unknown", reason="judge_failed", why=f"the judge could not be asked: {reply.failure}")
    label: Label | None = finding_in(reply, response.subject_id, PART, _label)
    if label is None:
        fault = "was cut at the judge's `max_tokens`" if reply.was_cut else "does not end with the line asked for"
        return Labelled(label="unknown", reason="unreadable", why=f"the reply {fault}: {clipped(reply.text)}")
    return Labelled(label=label, reason="unsure" if label == "unknown" else "judged", why=clipped(reply.text))


def _label(found: Mapping[str, object]) -> Label | None:
    label = found.get("label")
    return _LABELS.get(label) if isinstance(label, str) else None
