"""The end of a run in a few lines: what came out, where it lies, and how to look at it."""

import os
import shutil
import sys
from collections.abc import Mapping

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


def trace_counts(scoped: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """Per model and temperature: traces sampled, correct, and kept in the mix."""
    keys = ["model", "temperature"]
    sampled = scoped["sampled_traces"].group_by(keys).len("sampled")
    correct = scoped["verified_traces"].filter(pl.col("verdict") == "correct").group_by(keys).len("correct")
    kept = scoped["sft_mix"].group_by(keys).len("kept")
    joined = sampled.join(correct, on=keys, how="left").join(kept, on=keys, how="left")
    return joined.with_columns(pl.col("correct", "kept").fill_null(0)).sort(keys).collect()


def print_summary(tables: Tables, workspace: Workspace, console: Console, *, sampled_now: int) -> None:
    """Print the table and the paths."""
    counts = trace_counts(recipe_tables(tables, workspace))
    table = Table("model", "temperature", "sampled", "correct", "share", "kept", box=box.SIMPLE_HEAD)
    for row in counts.iter_rows(named=True):
        share = f"{row['correct'] / row['sampled']:.0%}" if row["sampled"] else "–"
        table.add_row(
            row["model"], row["temperature"], f"{row['sampled']:,}", f"{row['correct']:,}", share, f"{row['kept']:,}"
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
    console.print(
        f'  load it   python -c "import datasets; print(datasets.load_dataset({str(release)!r}))"', soft_wrap=True
    )
    console.print(f"Report      {workspace.report_file}  (open it in a browser)", soft_wrap=True)
    command = _command()
    console.print(f'Traces      {command} query "from verified_traces limit 5"', soft_wrap=True)
    console.print(f"            {command} show TRACE_ID", soft_wrap=True)
    console.print(f"Web UI      {command} ui, then open http://127.0.0.1:3000", soft_wrap=True)


def _command() -> str:
    """How this program can be called from here, so that the lines can be copied."""
    return "openreason" if shutil.which("openreason") else os.path.relpath(sys.argv[0])
