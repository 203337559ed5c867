"""A writer, and who judges what it wrote, for as long as a stage asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.inference.asked_again import Ask
from openreason_dagster.domain.recipe_roles import RoleModel
from openreason_dagster.domain.writing.replies import Verify
from openreason_dagster.resources.assistant import Assistant
from openreason_dagster.resources.model_judge import court_of
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dataclass(frozen=True)
class Desk:
    """What a stage that writes needs."""

    ask: Ask
    verify: Verify


@contextmanager
def writing_desk(
    tables: Tables, workspace: Workspace, *, settings: RoleModel, key: str, run_id: str, progress: ProgressListener
) -> Iterator[Desk]:
    """A model in the role `writer`, and the recipe's judges: rules, and the judge model where there is one.

    Args:
        tables: Where replies are kept.
        workspace: Recipe and catalogue.
        settings: The recipe's model and how it is asked.
        key: Recipe key that names the model.
        run_id: The Dagster run that pays.
        progress: Told how far the writer has come.

    Raises:
        RecipeError: the model is unknown, or does not have the role.
    """
    writer = Assistant(
        tables, workspace, role="writer", settings=settings, key=key, run_id=run_id, progress=progress
    )  # fmt: skip
    with writer, court_of(tables, workspace, run_id=run_id, progress=progress) as court:
        judge = court.judge()
        yield Desk(ask=writer.ask, verify=lambda answers: pl.concat(judge([answers])))
