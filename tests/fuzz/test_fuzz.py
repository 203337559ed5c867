import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

TARGET = Path(__file__).with_name("fuzz_answers.py")
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed for this Python")
def test_verifiers_survive_random_answers(tmp_path):
    finished = subprocess.run(
        [sys.executable, str(TARGET), "-runs=500", "-seed=7", f"-artifact_prefix={tmp_path}/"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "Done" in finished.stderr
