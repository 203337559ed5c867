"""`openreason verify --compare`: what would change if the stored traces were judged by the verifiers of today."""

from datetime import UTC, datetime

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from openreason_dagster.commands.printable import plain
from openreason_dagster.resources.model_judge import court_of
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.verdict_comparison import VerdictComparison, compare_verdicts
from openreason_dagster.resources.workspace import Workspace

RUN_ID = "verify --compare"
"""With the time stands in the ledger, in place of a Dagster run, for what a judge model costs here."""
_EXAMPLES = 3
"""Changed traces shown of each kind of change."""
_CHARACTERS = 60


def print_comparison(tables: Tables, workspace: Workspace, console: Console) -> None:
    """Judge the stored traces again, changing no verdict, and print what flipped.

    A judge model is asked only what it was not asked before; its new replies are kept.

    Raises:
        OpenReasonError: who judges by the recipe, on a Ray cluster perhaps or by a model, cannot be had.
    """
    with court_of(tables, workspace, run_id=f"{RUN_ID} {datetime.now(UTC).isoformat(timespec='seconds')}") as court:
        comparison = compare_verdicts(tables, workspace, court.judge())
    if court.stopped_by:
        console.print(f"{court.stopped_by} is reached: answers the judge was not asked about are shown as error.")
    console.print(f"{comparison.judged:,} stored verdicts were found again; {comparison.changed.height:,} differ.")
    if comparison.changed.height:
        _print(console, comparison.flips, "Verdicts that flipped")
        _print(console, _examples(comparison), "Examples")
    _print(console, comparison.data_sets, "Rows of the data sets")
    console.print(
        "No verdict was changed. To take the new verdicts over, materialise verified_traces, or run the recipe again; "
        "nothing is sampled for it."
    )


def _examples(comparison: VerdictComparison) -> pl.DataFrame:
    of_each = comparison.changed.group_by("verdict", "new_verdict", maintain_order=True).head(_EXAMPLES)
    return of_each.select(
        "trace_id", "verdict", "new_verdict", "reference_answer", "extracted_answer", "new_extracted_answer",
        "new_message",
    )  # fmt: skip


def _print(console: Console, rows: pl.DataFrame, title: str) -> None:
    table = Table(
        *(name.replace("_", " ") for name in rows.columns), title=title, box=box.SIMPLE_HEAD, title_justify="left"
    )
    for row in rows.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    text = str(plain(value))
    return text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "…"
