"""A judge's votes on two answers to one request: what it is asked, how a vote is read, and what the votes come to.

R1's pairs for its helpfulness reward were judged four times with the order of the answers changed, scores averaged,
and kept where the mean difference is above 1 (Nature 645, 633-638, supplement). Its scale was not published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.verification.judge_texts import finding_in, judge_question

Order = Literal["forward", "swapped"]
LOWEST, HIGHEST = 1, 10
_SIDES: dict[Order, tuple[str, str]] = {"forward": ("answer_A", "answer_B"), "swapped": ("answer_B", "answer_A")}
"""Under which names the first and the second answer are shown."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What is put before the judge."""

    request: str
    first: str
    second: str

    @property
    def subject_id(self) -> str:
        """Identity of the contest."""
        return stable_hash(["contest", self.request, self.first, self.second])


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """One vote that is to be asked for."""

    order: Order
    number: int
    """From 1 within the order."""

    @property
    def part(self) -> str:
        """Name of the question."""
        return f"{self.order}-{self.number}"


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What came of a ballot: two scores, or why there are none."""

    order: Order
    first_score: float | None
    second_score: float | None
    problem: str | None
    """`unreadable`, `not_asked` where the budget refused, `judge_failed`; None where there are scores."""


@dataclass(frozen=True, kw_only=True)
class Election:
    """What all votes on a contest come to."""

    votes: tuple[Vote, ...]
    mean_difference: float | None
    """Score of the first answer less that of the second; None unless every vote could be read."""
    problem: str | None
    """None where every vote could be read, else the problem of the first that could not."""


def ballots(votes_per_order: int) -> list[Ballot]:
    """As many votes in each order."""
    orders: tuple[Order, Order] = ("forward", "swapped")
    return [Ballot(order=order, number=number) for order in orders for number in range(1, votes_per_order + 1)]


def question(contest: Contest, ballot: Ballot, *, attempt: int, template: str) -> Question:
    """What the judge is asked for one vote; attempts count from 1, and further ones remind of the form.

    `template` is a text as of `judge_texts.judge_template`.
    """
    first, second = _SIDES[ballot.order]
    shown = {"request": contest.request} | dict(sorted({first: contest.first, second: contest.second}.items()))
    return judge_question(contest.subject_id, ballot.part, shown, template=template, attempt=attempt, reminder="prefer")


def read_vote(contest: Contest, ballot: Ballot, reply: Reply | None) -> Vote:
    """The vote in a reply; None is a question that the budget refused, and a reply that was cut cannot be read."""
    if reply is None:
        return _without_scores(ballot, "not_asked")
    if reply.failure is not None:
        return _without_scores(ballot, "judge_failed")
    scores = finding_in(reply, contest.subject_id, ballot.part, _scores)
    if scores is None:
        return _without_scores(ballot, "unreadable")
    by_name = dict(zip(("answer_A", "answer_B"), scores, strict=True))
    first, second = _SIDES[ballot.order]
    return Vote(order=ballot.order, first_score=by_name[first], second_score=by_name[second], problem=None)


def election(votes: Sequence[Vote]) -> Election:
    """The mean over all votes; one that is missing leaves the contest open, because the orders would not balance."""
    differences = [
        vote.first_score - vote.second_score
        for vote in votes
        if vote.first_score is not None and vote.second_score is not None
    ]
    problem = next((vote.problem for vote in votes if vote.problem is not None), None)
    return Election(
        votes=tuple(votes), mean_difference=fmean(differences) if differences and not problem else None, problem=problem
    )


def _without_scores(ballot: Ballot, problem: str) -> Vote:
    return Vote(order=ballot.order, first_score=None, second_score=None, problem=problem)


def _scores(found: Mapping[str, object]) -> tuple[float, float] | None:
    first, second = _score(found.get("answer_A")), _score(found.get("answer_B"))
    return None if first is None or second is None else (first, second)


def _score(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not LOWEST <= value <= HIGHEST:
        return None
    return float(value)
