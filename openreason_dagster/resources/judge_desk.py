"""A judge model of the recipe, and what it is asked with, for as long as a stage asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from openreason_dagster.domain.recipe_roles import Judge
from openreason_dagster.domain.verification.judge_texts import judge_template, template_version
from openreason_dagster.resources.assistant import Assistant
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dataclass(frozen=True)
class JudgeDesk:
    """What a stage that asks a judge needs."""

    judge: Assistant
    template: str

    @property
    def version(self) -> str:
        """Whatever the model and its question add to the version of a verdict."""
        asked = self.judge.questioning
        return f"{asked.model}@{asked.fingerprint[:12]}/{template_version(self.template)}"


@contextmanager
def judge_desk(
    tables: Tables, workspace: Workspace, *, settings: Judge, key: str, run_id: str, progress: ProgressListener | None
) -> Iterator[JudgeDesk]:
    """A model in the role `judge`; arguments as for `writing_desk`, but `key` is that of the judge's section.

    Raises:
        RecipeError: the model is unknown or does not have the role, or the template cannot be used.
    """
    template = judge_template(settings.template, key=f"{key}.template", recipe_folder=workspace.recipe_folder)
    judge = Assistant(
        tables, workspace, role="judge", settings=settings, key=f"{key}.model", run_id=run_id, progress=progress
    )
    with judge:
        yield JudgeDesk(judge, template)
