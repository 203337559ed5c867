"""The `openreason` command: parses arguments and prints errors; the work is in `commands/`."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from openreason_dagster.domain.errors import OpenReasonError
from openreason_dagster.resources.settings import Settings

if TYPE_CHECKING:
    from openreason_dagster.resources.tables import Tables
    from openreason_dagster.resources.workspace import Workspace

app = typer.Typer(
    name="openreason",
    help="Make reasoning data: sample traces from models, verify, score and mix them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True)


RecipeOption = Annotated[
    Path | None, typer.Option(help="Recipe to show; by default $OPENREASON_RECIPE, or recipes/starter.yaml.")
]

_FILE_HELP = "JSONL (plain or .gz) or Parquet file, or - for JSONL from a pipe."
FileArgument = Annotated[str, typer.Argument(help=_FILE_HELP)]
OutputOption = Annotated[
    str | None, typer.Option(help="Where the rows go, JSONL or Parquet by the name, or - for JSONL into a pipe.")
]


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class Visibility(StrEnum):
    """Who sees what is published."""

    private = "private"
    public = "public"


def main() -> None:
    """Entry point of the console script."""
    warnings.filterwarnings(
        "ignore", module="dagster"
    )  # its beta notices are about our code, not about the user's data
    app()


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(help="Recipe to run, e.g. recipes/starter.yaml.")],
    model: Annotated[str | None, typer.Option(help="Sample only this model of the catalogue.")] = None,
) -> None:
    """Run a recipe end to end, or go on where the last run stopped."""
    from openreason_dagster.commands.run import run_recipe

    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with _errors_explained():
        run_recipe(_settings(recipe), console, only_model=model)


@app.command()
def status(recipe: RecipeOption = None) -> None:
    """Show how far every model and temperature is, what is stale, and why."""
    from openreason_dagster.commands.status import print_status

    with _errors_explained():
        print_status(*_tables_and_workspace(recipe), console)


@app.command()
def show(
    row: Annotated[
        str,
        typer.Argument(
            help="A trace_id, pair_id or prompt_id, or the unique start of one, or FILE:ROW, counted from 0."
        ),
    ],
) -> None:
    """Print the chain of one row: seed, pool, sampling record, verdict, rewards, data sets, releases."""
    from openreason_dagster.commands.show import print_chain
    from openreason_dagster.resources.lineage import find_row

    with _errors_explained():
        releases = _settings(None).root / "releases"
        print_chain(find_row(_tables_and_workspace()[0], row, releases=releases), console)


@app.command()
def publish(
    source: Annotated[
        Path | None, typer.Argument(help="Folder of a release, or a recipe; by default the recipe in the environment.")
    ] = None,
    *,
    repository: Annotated[
        str | None, typer.Option(help="owner/name on the Hugging Face Hub; by default the recipe's release.repository.")
    ] = None,
    visibility: Annotated[
        Visibility, typer.Option(help="Who sees it; a public one is private until all of it has arrived.")
    ] = Visibility.private,
) -> None:
    """Upload a release to the Hugging Face Hub with the token in HF_TOKEN, or go on with an upload."""
    from openreason_dagster.commands.publish import publish as publish_release

    with _errors_explained():
        publish_release(_settings(None), source, console, repository=repository, visibility=visibility.value)


@app.command()
def reproduce(
    manifest: Annotated[Path, typer.Argument(help="manifest.json of a release.")],
    *,
    from_seeds: Annotated[
        bool, typer.Option("--from-seeds", help="Sample, judge and score again too, instead of reading the tables.")
    ] = False,
    recipe: RecipeOption = None,
) -> None:
    """Build a release again from its manifest and prove its rows equal, or list which differ and why."""
    from openreason_dagster.commands import reproduce as command

    with _errors_explained():
        rebuild = command.rebuild_from_seeds if from_seeds else command.rebuild_from_tables
        found = command.reproduce(_settings(recipe), manifest, console, rebuild=rebuild)
        command.print_reproduction(found, console)
    if not found.is_equal:
        sys.exit(1)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SQL statement; every table is a view of its name.")],
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """Query the tables with DuckDB."""
    from openreason_dagster.commands.query import print_rows
    from openreason_dagster.commands.query import query as run_query

    with _errors_explained():
        print_rows(run_query(_tables_and_workspace()[0], sql), output.value, console)


@app.command()
def models(recipe: RecipeOption = None) -> None:
    """List the model catalogue."""
    from openreason_dagster.commands.models import print_models

    with _errors_explained():
        print_models(_tables_and_workspace(recipe)[1], console)


@app.command()
def ui(
    recipe: RecipeOption = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; keep it local, the UI has no password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 3000,
) -> None:
    """Open Dagster's web UI on the same data."""
    from openreason_dagster.commands.ui import serve

    with _errors_explained():
        serve(_settings(recipe), console, host=host, port=port)


@app.command()
def verify(
    file: Annotated[str | None, typer.Argument(help=_FILE_HELP)] = None,
    *,
    compare: Annotated[
        bool, typer.Option("--compare", help="Judge the recipe's stored traces again instead, and show what flips.")
    ] = False,
    recipe: RecipeOption = None,
    output: OutputOption = None,
    kind: Annotated[str, typer.Option(help="Kind of verifier for rows without the column `kind`.")] = "math",
    workers: Annotated[int, typer.Option(min=1, help="Processes that judge.")] = 2,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one answer may take.")] = 5.0,
) -> None:
    """Judge the rows of a file: `reference` and `response`, and perhaps `kind`, `tests`, `choices` or `prompt`."""
    from openreason_dagster.commands.compare_verdicts import print_comparison
    from openreason_dagster.commands.verify import verify_file
    from openreason_dagster.domain.recipe_verification import Verification

    if (file is None) != compare:
        raise typer.BadParameter("give a file of rows, or --compare for the stored traces of the recipe")
    with _errors_explained():
        if file is None:
            print_comparison(*_tables_and_workspace(recipe), console)
            return
        limits = Verification(workers=workers, timeout_seconds=timeout)
        verify_file(file, output, errors, default_kind=kind, verification=limits)


@app.command()
def score(
    file: FileArgument,
    *,
    output: OutputOption = None,
    reward: Annotated[
        list[str] | None, typer.Option(help="Name of a reward, as often as you like; every one by default.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of rows without the column `language`, ISO 639-1.")] = "en",
) -> None:
    """Score the rows of a file: `response`, and for accuracy `is_correct`."""
    from openreason_dagster.commands.score import score_file

    with _errors_explained():
        score_file(file, output, errors, rewards=reward or [], language=language)


@app.command(context_settings={"allow_extra_args": True})
def decontaminate(
    context: typer.Context,
    file: FileArgument,
    *,
    against: Annotated[list[Path], typer.Option(help="JSONL or Parquet file of an evaluation set; may be repeated.")],
    output: OutputOption = None,
    column: Annotated[str, typer.Option(help="Column with the prompt.")] = "prompt",
    against_column: Annotated[str, typer.Option(help="Column with the question in the evaluation sets.")] = "prompt",
    ngram: Annotated[int, typer.Option(min=3, help="Words in a run that count as overlap.")] = 10,
) -> None:
    """Find the rows of a file whose prompts or solutions overlap evaluation sets."""
    from openreason_dagster.commands.decontaminate import decontaminate_file

    if context.args:
        raise typer.BadParameter(
            f"{' '.join(context.args)!r} is one file too many: one file is checked, and --against is repeated for each "
            "evaluation set, as in --against A --against B"
        )
    with _errors_explained():
        decontaminate_file(file, output, errors, against=against, columns=(column, against_column), ngram=ngram)


def _settings(recipe: Path | None) -> Settings:
    settings = Settings.from_environment()
    return settings if recipe is None else replace(settings, recipe=recipe.resolve())


def _tables_and_workspace(recipe: Path | None = None) -> tuple["Tables", "Workspace"]:
    from openreason_dagster.definitions import tables_of, workspace_of

    settings = _settings(recipe)
    return tables_of(settings), workspace_of(settings)


@contextmanager
def _errors_explained() -> Iterator[None]:
    from openreason_dagster.commands.printable import printable

    try:
        yield
    except OpenReasonError as error:  # its message may quote what a model wrote
        errors.print(f"[red]error:[/red] {escape(printable(str(error)))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("\nstopped; what was committed is kept, and the same command goes on from there")
        sys.exit(130)
