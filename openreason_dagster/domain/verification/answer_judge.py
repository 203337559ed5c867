"""A judge's rating of one answer that no verifier decides about: what is asked, and how the reply is read.

The answer is hostile text, shown and read as `judge_texts` says. Request and answer are all that the judge sees; there
is no reference, so its rating is an opinion on quality and no proof.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openreason_dagster.domain.inference.asked_again import Ask, ask_until_read
from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification.judge_texts import clipped, finding_in, judge_question

PART = "rating"
RATING = "rating-"
"""How versions of ratings begin, unlike those of verifiers."""
VERSION = f"{RATING}1"
"""Raised when the question, the reading or the meaning of scores changes."""
LOWEST, HIGHEST = 1, 10
_UNSURE = 0
"""Stands for a judge who says that it cannot tell."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What is put before the judge; equal exchanges are rated once."""

    request: str
    answer: str

    @property
    def subject_id(self) -> str:
        """Identity of request and answer."""
        return stable_hash([PART, self.request, self.answer])


@dataclass(frozen=True, kw_only=True)
class Rating:
    """What the judge found."""

    verdict: Verdict
    """correct from the least score on, incorrect below; abstained where it is unsure or its reply cannot be read; error
    where it could not be asked."""
    score: int | None
    """1 to 10; None where the verdict is neither correct nor incorrect."""
    why: str
    """The judge's words, or why there is no score."""
    is_unreadable: bool = False
    """Whether a reply came that has not the asked form."""


def rate(
    exchanges: Iterable[Exchange], *, ask: Ask, template: str, attempts: int, least_score: int, longest_answer: int
) -> dict[Exchange, Rating]:
    """Ratings of all exchanges; a reply that cannot be read is asked for again, up to `attempts` times in all.

    Answers of more than `longest_answer` characters are not shown to the judge, because half an answer would be rated
    as one that is not finished; the verdict is abstained.
    """
    found = {exchange: _over_long(exchange, longest_answer) for exchange in exchanges}
    ratings = {exchange: rating for exchange, rating in found.items() if rating is not None}
    return ratings | ask_until_read(
        ask,
        [exchange for exchange in found if exchange not in ratings],
        question=lambda exchange, attempt: question(exchange, attempt=attempt, template=template),
        read=lambda exchange, reply: read_rating(exchange, reply, least_score=least_score),
        is_unreadable=lambda rating: rating.is_unreadable,
        attempts=attempts,
    )


def question(exchange: Exchange, *, attempt: int, template: str) -> Question:
    """What the judge is asked; attempts count from 1, and further ones remind of the form.

    `template` is a text as of `judge_texts.judge_template`.
    """
    texts = {"request": exchange.request, "answer": exchange.answer}
    return judge_question(exchange.subject_id, PART, texts, template=template, attempt=attempt, reminder="rate")


def read_rating(exchange: Exchange, reply: Reply | None, *, least_score: int) -> Rating:
    """What a reply comes to; None is a question that the budget refused, and a reply that was cut cannot be read."""
    if reply is None:
        return Rating(verdict=Verdict.ERROR, score=None, why="the budget left no room to ask the judge")
    if reply.failure is not None:
        return Rating(verdict=Verdict.ERROR, score=None, why=f"the judge could not be asked: {reply.failure}")
    score = finding_in(reply, exchange.subject_id, PART, _score)
    if score is None:
        fault = "was cut at the judge's `max_tokens`" if reply.was_cut else "does not end with the line asked for"
        why = f"the reply {fault}: {clipped(reply.text)}"
        return Rating(verdict=Verdict.ABSTAINED, score=None, why=why, is_unreadable=True)
    if score == _UNSURE:
        return Rating(verdict=Verdict.ABSTAINED, score=None, why=clipped(reply.text))
    verdict = Verdict.CORRECT if score >= least_score else Verdict.INCORRECT
    return Rating(verdict=verdict, score=score, why=clipped(reply.text))


def _over_long(exchange: Exchange, longest_answer: int) -> Rating | None:
    characters = len(exchange.answer)
    if characters <= longest_answer:
        return None
    why = f"the answer has {characters} characters, and the judge is shown {longest_answer} at most"
    return Rating(verdict=Verdict.ABSTAINED, score=None, why=why)


def _score(found: Mapping[str, object]) -> int | None:
    score = found.get("score")
    if score == "unsure":
        return _UNSURE
    if not isinstance(score, int) or isinstance(score, bool):
        return None
    return score if LOWEST <= score <= HIGHEST else None
