"""`openreason models`: the catalogue, and which of it the recipe selects."""

from rich import box
from rich.console import Console
from rich.table import Column, Table

from openreason_dagster.commands.printable import plain
from openreason_dagster.domain.catalogue import model_names
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.resources.workspace import Workspace


def print_models(workspace: Workspace, console: Console) -> None:
    """One line per catalogue file; a file that cannot be used now says why."""
    selected, roles = set(workspace.selected_models()), workspace.recipe().models_in_roles
    names = ("engine", "revision", "licence", "in recipe")
    notes = Column("notes", overflow="fold")
    table = Table(Column("model", no_wrap=True), *names, notes, box=box.SIMPLE_HEAD, collapse_padding=True)
    for name in model_names(workspace.catalogue_folder):
        uses = ["yes"] * (name in selected) + [f"as {role}" for role, models in roles.items() if name in models]
        mark = ", ".join(uses) or "no"
        try:
            model = workspace.model(name)
        except RecipeError as error:
            table.add_row(name, "–", "–", "–", mark, plain(str(error).split(": ", 1)[-1]))
            continue
        facts = (model.engine, model.revision, model.license, mark, model.description)
        table.add_row(name, *map(plain, facts))
    console.print(table)
