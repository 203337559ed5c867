import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.sampling import BEGIN, END

pytest.importorskip("vllm", reason="the extra [vllm] is not installed")

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_platform_ends_its_run_and_the_one_that_was_killed(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    command = [sys.executable, "-m", "benchmarks.sampling", "--quick", "--only", "platform", "--write", str(page)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    (row,) = [line for line in text.splitlines() if line.startswith("| platform |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert float(cells[1]) > 0
    assert int(cells[7]) <= int(cells[6]), "no more is readable than was answered"
    assert cells[-1] == "yes"
