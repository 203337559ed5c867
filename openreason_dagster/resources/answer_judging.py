"""A judge model that rates answers which no verifier decides about, for as long as a stage asks."""

from collections.abc import Iterator
from contextlib import contextmanager

from openreason_dagster.domain.recipe_non_reasoning import AnswerJudge
from openreason_dagster.domain.verification.answer_judge import VERSION, rate
from openreason_dagster.domain.writing.answer_ratings import Rater
from openreason_dagster.resources.judge_desk import JudgeDesk, judge_desk
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

JUDGE_KEY = "cot_prompted.judge"
"""The recipe key of the judge."""


@contextmanager
def answer_rater(
    tables: Tables, workspace: Workspace, settings: AnswerJudge | None, *, run_id: str, progress: ProgressListener
) -> Iterator[Rater | None]:
    """The recipe's judge of open answers, None where it names none; arguments as for `model_judge.court_of`.

    Raises:
        RecipeError: the model is unknown or does not have the role, or the template cannot be used.
    """
    if settings is None:
        yield None
        return
    with judge_desk(tables, workspace, settings=settings, key=JUDGE_KEY, run_id=run_id, progress=progress) as desk:
        yield _rater(desk, settings)


def _rater(desk: JudgeDesk, settings: AnswerJudge) -> Rater:
    shown = f"{settings.attempts}x{settings.longest_answer}>={settings.least_score}"
    return Rater(
        judge=settings.model,
        version=f"{VERSION}:{desk.version}/{shown}",
        unrated=settings.unrated,
        rate=lambda exchanges: rate(
            exchanges,
            ask=desk.judge.ask,
            template=desk.template,
            attempts=settings.attempts,
            least_score=settings.least_score,
            longest_answer=settings.longest_answer,
        ),
    )
