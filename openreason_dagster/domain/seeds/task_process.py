"""Problems of `reasoning-gym` tasks that depend on more than their seed, generated in a process that fixes the rest.

Some tasks draw from sets of text, whose order changes with every process unless the hash seed is set before Python
starts, or from the shared random generator. The process takes one JSON object as input (`task`, `count`, `seed`,
`options`) and prints one entry a line; a task or option that is refused is one line with `refused`.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from openreason_dagster.domain.errors import SourceError


def repeatable_entries(
    task: str, *, count: int, seed: int, options: Mapping[str, object]
) -> Iterator[Mapping[str, Any]]:
    """Yield the first `count` entries; the same arguments give the same ones in every process.

    Raises:
        ValueError: the package refuses the task or its options.
        SourceError: the process ended before its last entry.
    """
    import_path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    asked = json.dumps({"task": task, "count": count, "seed": seed, "options": dict(options)})
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", __name__],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": import_path, "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
    )
    if done.returncode:
        raise SourceError(
            f"reasoning_gym task {task!r}: its process ended with code {done.returncode}, expected {count} problems; "
            f"its last words: {done.stderr[-300:].strip()!r}. Ask for fewer problems, or use another task."
        )
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        if "refused" in entry:
            raise ValueError(entry["refused"])
        yield entry


def exact_text(value: object) -> str:
    """Fractions, decimals and dates as JSON text; TypeError for anything else that JSON does not know."""
    if isinstance(value, Fraction | Decimal | date):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def main() -> None:
    """Read the request, print the entries."""
    import numpy
    import reasoning_gym

    asked = json.load(sys.stdin)
    output, sys.stdout = sys.stdout, sys.stderr  # tasks may print
    random.seed(asked["seed"])
    numpy.random.seed(asked["seed"] % 2**32)
    try:
        dataset = reasoning_gym.create_dataset(
            asked["task"], size=asked["count"], seed=asked["seed"], **asked["options"]
        )
        for number in range(asked["count"]):
            output.write(json.dumps(dict(dataset[number]), default=exact_text) + "\n")
    except (ValueError, TypeError, AssertionError) as error:
        output.write(json.dumps({"refused": str(error)}) + "\n")


if __name__ == "__main__":
    main()
