"""One function of a module of measurements in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]


def measured_in_child(
    name: str, folder: Path, *values: str, module: str = "benchmarks.sampling_measurements"
) -> dict[str, Any]:
    """Call the function with the folder and the values; what it finds is the last line it prints, as JSON."""
    print(f"… {name}", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", module, name, str(folder), *values],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "VLLM_LOGGING_LEVEL": "ERROR"},
    )
    if done.returncode:
        sys.exit(f"{name} ended with code {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
