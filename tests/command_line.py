"""The `openreason` command on a small workspace, in this process or in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import Result
from small_workspace import SmallWorkspace
from typer.testing import CliRunner

from openreason_dagster.cli import app


def variables(workspace: SmallWorkspace) -> dict[str, str]:
    """What tells the command where the workspace lies, and Dagster where to keep its runs."""
    return workspace.settings.variables | {"DAGSTER_HOME": str(workspace.settings.dagster_home)}


def invoke(workspace: SmallWorkspace, *arguments: str) -> Result:
    """Call it in this process; `run` takes the workspace's recipe."""
    return CliRunner().invoke(app, list(arguments), env=variables(workspace))


def call(workspace: SmallWorkspace, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """Call it in a process of its own, as a user does."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("openreason")), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | variables(workspace),
        **options,
    )


def words(text: str) -> str:
    """The text with line breaks and runs of spaces made one space: tables wrap by the terminal's width."""
    return " ".join(text.split())
