"""Asking a writer until its reply has the asked form, and what is wrong with replies that never have it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from openreason_dagster.domain.inference.asked_again import Ask, ask_until_read
from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.domain.inference.reasoning import THINK_CLOSE, THINK_OPEN
from openreason_dagster.domain.records import MACHINE_VERDICTS, Verdict

Verify = Callable[[pl.DataFrame], pl.DataFrame]
"""Rows of verified_traces for answers; takes the columns that `verify.verify_batch` needs, and `prompt`."""
UNJUDGED = (*MACHINE_VERDICTS, Verdict.ABSTAINED.value)
"""Verdicts that say nothing of what was written."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a row is left out."""

    reason: str
    detail: str


Texts = tuple[str, ...]


def ask_for_texts(
    ask: Ask, questions: Sequence[Question], *, tags: Sequence[str], attempts: int
) -> list[Texts | Problem]:
    """For each question the texts inside the tags of its reply, or what is wrong with the last reply.

    A reply that came but cannot be used is asked for again, up to `attempts` times in all.
    """
    found = ask_until_read(
        ask,
        range(len(questions)),
        question=lambda place, attempt: replace(questions[place], attempt=attempt),
        read=lambda _place, reply: texts_of(reply, tags),
        is_unreadable=_may_be_asked_again,
        attempts=attempts,
    )
    return list(found.values())


def texts_of(reply: Reply | None, tags: Sequence[str]) -> Texts | Problem:
    """The stripped texts inside the tags, which have to be all of the reply, in their order and each once.

    No text may be empty or hold a tag of these or a think tag: it would end elsewhere when it is read again.
    """
    if reply is None:
        return Problem(reason="not_asked", detail="the budget was used up")
    if reply.failure is not None:
        return Problem(reason="writer_failed", detail=reply.failure)
    if reply.was_cut:
        return Problem(reason="reply_cut", detail="the reply ended at the token limit")
    if not reply.text.strip():
        return Problem(reason="reply_empty", detail="the reply is blank")
    pattern = r"\s*".join(rf"<{tag}>(.*?)</{tag}>" for tag in tags)
    match = re.fullmatch(rf"\s*{pattern}\s*", reply.text, re.DOTALL)
    texts = tuple(text.strip() for text in match.groups()) if match else ()
    if not texts or not all(texts) or any(_holds_a_tag(text, tags) for text in texts):
        asked = "".join(f"<{tag}>…</{tag}>" for tag in tags)
        return Problem(reason="bad_form", detail=f"expected {asked}, found {reply.text.strip()[:200]!r}")
    return texts


def _holds_a_tag(text: str, tags: Sequence[str]) -> bool:
    forbidden = [THINK_OPEN, THINK_CLOSE, *(form for tag in tags for form in (f"<{tag}>", f"</{tag}>"))]
    return any(form in text for form in forbidden)


def _may_be_asked_again(result: Texts | Problem) -> bool:
    return isinstance(result, Problem) and result.reason in {"reply_cut", "reply_empty", "bad_form"}
