"""A judge model that rates answers which no verifier decides about, for as long as a stage asks."""

from collections.abc import Iterator
from contextlib import contextmanager

from openreason_dagster.domain.recipe_non_reasoning import AnswerJudge
from openreason_dagster.domain.verification.answer_judge import VERSION, rate
from openreason_dagster.domain.writing.answer_ratings import Rater
from openreason_dagster.resources.assistant import Assistant
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

JUDGE_KEY = "cot_prompted.judge.model"
"""The recipe key that names the judge."""


@contextmanager
def answer_rater(
    tables: Tables, workspace: Workspace, settings: AnswerJudge | None, *, run_id: str, progress: ProgressListener
) -> Iterator[Rater | None]:
    """The recipe's judge of open answers, None where it names none; arguments as for `model_judge.court_of`.

    Raises:
        RecipeError: the model is unknown, or does not have the role.
    """
    if settings is None:
        yield None
        return
    judge = Assistant(
        tables, workspace, role="judge", settings=settings, key=JUDGE_KEY, run_id=run_id, progress=progress
    )  # fmt: skip
    with judge:
        yield _rater(judge, settings)


def _rater(judge: Assistant, settings: AnswerJudge) -> Rater:
    asked = judge.questioning
    shown = f"{settings.attempts}x{settings.longest_answer}>={settings.least_score}"
    return Rater(
        judge=asked.model,
        version=f"{VERSION}:{asked.model}@{asked.fingerprint[:12]}/{shown}",
        unrated=settings.unrated,
        rate=lambda exchanges: rate(
            exchanges,
            ask=judge.ask,
            attempts=settings.attempts,
            least_score=settings.least_score,
            longest_answer=settings.longest_answer,
        ),
    )
