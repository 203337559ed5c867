"""The end of a run in a few lines: what came out, where it lies, and how to look at it."""

import os
import shutil
import sys

from rich import box
from rich.console import Console
from rich.table import Table

from openreason_dagster.domain.release.card_counts import counts_by_model
from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


def print_summary(tables: Tables, workspace: Workspace, console: Console, *, sampled_now: int) -> None:
    """Print the table and the paths."""
    counts = counts_by_model(recipe_tables(tables, workspace))
    table = Table("model", "temperature", "sampled", "correct", "share", "kept", box=box.SIMPLE_HEAD)
    for row in counts.iter_rows(named=True):
        share = f"{row['correct'] / row['sampled']:.0%}" if row["sampled"] else "–"
        table.add_row(
            row["model"], row["temperature"], f"{row['sampled']:,}", f"{row['correct']:,}", share, f"{row['rows']:,}"
        )
    for column in table.columns[2:]:
        column.justify = "right"
    console.print()
    console.print(table)
    console.print(
        f"{sampled_now:,} traces were sampled in this run."
        if sampled_now
        else "Nothing was sampled again: every trace of the recipe was already there."
    )
    release = workspace.release_folder
    console.print(f"SFT data    {release}", soft_wrap=True)
    python = os.path.relpath(sys.executable)
    load = f'{python} -c "import datasets; print(datasets.load_dataset({str(release)!r}))"'
    console.print(f"  load it   {load}", soft_wrap=True)
    console.print(f"Report      {workspace.report_file}  (open it in a browser)", soft_wrap=True)
    command = _command()
    console.print(f'Traces      {command} query "from verified_traces limit 5"', soft_wrap=True)
    console.print(f"            {command} show TRACE_ID", soft_wrap=True)
    console.print(f"Web UI      {command} ui, then open http://127.0.0.1:3000", soft_wrap=True)


def _command() -> str:
    """How this program can be called from here, so that the lines can be copied."""
    return "openreason" if shutil.which("openreason") else os.path.relpath(sys.argv[0])
