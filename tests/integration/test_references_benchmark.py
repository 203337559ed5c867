"""The documented figures on planted wrong references are those that the recorded answers give."""

import subprocess
import sys
from pathlib import Path

from benchmarks.references import BEGIN, END

REPOSITORY = Path(__file__).parents[2]


def lines_of(page: str) -> list[str]:
    return page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()


def test_recorded_answers_give_the_documented_figures(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{BEGIN}\nold\n{END}\nAfter\n")
    command = [sys.executable, "-m", "benchmarks.references", "--write", str(page)]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=300, capture_output=True)
    found, documented = lines_of(page.read_text()), lines_of((REPOSITORY / "docs/verification.md").read_text())
    assert len(found) == 12
    assert found == documented[: len(found)]
