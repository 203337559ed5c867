"""The commands over files, in this process or in one of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from openreason_dagster.cli import app

ROOT = Path(__file__).parents[1]
COMMAND = "import sys; from openreason_dagster.cli import main; sys.argv[0] = 'openreason'; main()"


def invoke(*arguments: object, stdin: str = "") -> Result:
    """Call it in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def call(*arguments: object, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Call it in a process of its own, with a pipe at each end."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def lines(*rows: object) -> str:
    """Rows as JSONL; text stands as it is."""
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


def rows_of(text: str) -> list[dict[str, object]]:
    """JSONL as rows."""
    return [json.loads(line) for line in text.splitlines()]
