"""OR6, where nothing decides whether an answer is right: what a judge's ratings make of the written rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification.answer_judge import Exchange, Rating
from openreason_dagster.domain.writing.replies import Problem


@dataclass(frozen=True, kw_only=True)
class Rater:
    """A judge of answers."""

    judge: str
    """Catalogue name."""
    version: str
    """Of its ratings: whatever can change one."""
    unrated: Literal["keep", "drop"]
    """What becomes of answers that it cannot rate."""
    rate: Callable[[Sequence[Exchange]], dict[Exchange, Rating]]


@dataclass(frozen=True)
class RatedAnswer:
    """One written row and its rating."""

    row: dict[str, object]
    rating: Rating
    rater: Rater

    @property
    def verdict(self) -> dict[str, object]:
        """The columns `verdict` and `verifier_version` of cot_prompted_traces."""
        return {"verdict": self.rating.verdict.value, "verifier_version": self.rater.version}

    @property
    def problem(self) -> Problem | None:
        """Why the row is left out; None where it is kept."""
        rating = self.rating
        if rating.verdict is Verdict.INCORRECT:
            return Problem(reason="rated_low", detail=f"{rating.score} of 10: {rating.why}")
        if rating.score is None and self.rater.unrated == "drop":
            return Problem(reason="not_rated", detail=f"{rating.verdict.value}: {rating.why}")
        return None

    @property
    def evidence(self) -> dict[str, object]:
        """A row of cot_prompted_ratings."""
        return {
            **{name: self.row[name] for name in ("trace_id", "prompt_id", "model")},
            "judge_model": self.rater.judge,
            "score": self.rating.score,
            "verdict": self.rating.verdict.value,
            "why": self.rating.why,
            "judge_version": self.rater.version,
            "subject_id": _exchange(self.row).subject_id,
        }


def rate_answers(rows: Sequence[dict[str, object]], rater: Rater) -> list[RatedAnswer]:
    """Every written row with its rating; the reasoning is not shown to the judge, which rates what a user would see."""
    ratings = rater.rate([_exchange(row) for row in rows])
    return [RatedAnswer(row, ratings[_exchange(row)], rater) for row in rows]


def _exchange(row: dict[str, object]) -> Exchange:
    return Exchange(request=str(row["prompt"]), answer=str(row["answer"]))
