"""Runs a prompt's own checker, `check(stdin, expected, output)`, over what an answer's program printed."""

import json
import sys
from typing import Any


def main(job: dict[str, Any]) -> None:
    """Write, as a line of JSON, for each case whether the checker accepts it."""
    space: dict[str, Any] = {"__name__": "checker"}
    exec(compile(job["checker"], "checker.py", "exec"), space)  # noqa: S102 - the prompt's own text
    accepted = [bool(space["check"](*case)) for case in job["cases"]]
    sys.stdout.write(f"\n{json.dumps({'accepted': accepted})}\n")
