"""Sampling onto a disk that fills up again and again ends with the rows of a run that had room."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from openreason_dagster.resources.tables import Tables

pytestmark = pytest.mark.slow

TRACES = 10 * 4 * 2
TESTS = Path(__file__).parents[1]
NAMESPACES = (["unshare", "--user", "--map-root-user", "--mount"], ["unshare", "--mount"])
"""Ways to a mount namespace of one's own: for anybody where the kernel allows it, and for root."""


@pytest.fixture
def namespace(tmp_path):
    """A command in front of which a process may mount file systems that nobody else sees."""
    said = []
    for command in NAMESPACES if shutil.which("unshare") else ():
        trial = [*command, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
        result = subprocess.run(trial, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return command
        said.append(result.stderr.strip())
    pytest.skip(f"no small file system can be mounted here: {said or 'there is no unshare'}")


def traces(root):
    return Tables(root=str(root / "tables")).scan("sampled_traces").collect()


def sample_on_a_small_disk(small, namespace):
    """What `full_disk.py` reports of each run."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
    }
    script = [sys.executable, str(TESTS / "integration" / "full_disk.py"), str(small.folder)]
    result = subprocess.run([*namespace, *script], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_runs_on_a_disk_that_fills_up_end_with_the_rows_of_an_undisturbed_run(small, instance, namespace, tmp_path):
    small.write_recipe(sampling={"samples_per_prompt": 4, "max_tokens": 120, "commit_rows": 8})
    small.collect(instance)
    shutil.copytree(small.settings.root, tmp_path / "pool")
    *failed, last = sample_on_a_small_disk(small, namespace)
    assert (last["status"], last["traces"]) == (0, TRACES)
    assert len({run["traces"] for run in failed} - {0}) > 1, "the disk filled up at several points"
    for run in failed:
        message = run["said"].splitlines()[-1]
        assert run["status"] == 1
        assert "TableError: table 'sampl" in message
        assert "No space left on device (os error 28). What was committed before is intact." in message
        assert "Check free disk space and permissions, then start again." in message

    small.settings.root.rmdir()
    shutil.copytree(tmp_path / "pool", small.settings.root)
    small.sample("starter-base", instance)
    expected, found = traces(small.settings.root), traces(tmp_path / "finished")
    asked = ["prompt_id", "model", "temperature", "sample_index"]
    assert found.select(asked).is_unique().all()
    assert (
        found.drop("run_id", "sampled_at")
        .sort("trace_id")
        .equals(expected.drop("run_id", "sampled_at").sort("trace_id"))
    )
