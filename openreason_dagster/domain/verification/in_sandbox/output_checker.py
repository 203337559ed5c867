"""Runs a prompt's own checker, `check(stdin, expected, output)`, over what an answer's program printed."""

import json
import sys
from typing import Any


def main(job: dict[str, Any]) -> None:
    """Write, as a line of JSON, for each case whether the checker accepts it."""
    space: dict[str, Any] = {"__name__": "checker"}
    exec(compile(job["checker"], "checker.py", "exec"), space)  # noqa: S102 - the prompt's own text
    try:
        accepted = [bool(space["check"](*case)) for case in job["cases"]]
    except SystemExit:  # else the last line would be what the checker has printed, of the answer perhaps
        raise RuntimeError("the checker ends its process") from None
    sys.stdout.write(f"\n{job['token']}{json.dumps({'accepted': accepted})}\n")
