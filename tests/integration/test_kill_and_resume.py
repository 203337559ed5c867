"""Sampling that is killed with SIGKILL at random points ends with the rows of a run that nobody disturbed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from openreason_dagster.commands.query import query
from openreason_dagster.resources.tables import Tables

pytestmark = pytest.mark.slow

ROUNDS = {
    "first_round": 2, "round": 2, "maximum": 8, "enough_correct": 2, "lowest_pass_rate": 0.05, "confidence": 0.8,
}  # fmt: skip
TESTS = Path(__file__).parents[1]


class Sampler:
    """The forking process; one child samples at a time."""

    def __init__(self, folder):
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "POLARS_MAX_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "integration" / "forking_sampler.py"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def start(self, root):
        """Start a child; its process id."""
        self.process.stdin.write(f"{root}\n")
        self.process.stdin.flush()
        return int(self._answer("started"))

    def end(self):
        """Wait for the child's end; its exit status, negative for a signal."""
        return int(self._answer("ended"))

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()

    def _answer(self, word):
        found, value = self.process.stdout.readline().split()
        assert found == word
        return value


@pytest.fixture
def start_sampler(small):
    """Starts the forking process once the recipe is written."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Sampler(small.folder)))


def commits(root):
    return len(list((root / "tables" / "sampled_traces" / "_delta_log").glob("*.json")))


def wait_for_kill_point(root, draw, process):
    """Return some milliseconds after so many further commits, or at the child's end."""
    target = commits(root) + draw.choice([0, 1, 1, 2])
    deadline = time.monotonic() + 60
    while commits(root) < target and Path(f"/proc/{process}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.06) if target else draw.uniform(0, 1.5))


def traces(root):
    rows = Tables(root=str(root / "tables")).scan("sampled_traces").collect()
    return rows.drop("run_id", "sampled_at").sort("trace_id")


def verdicts(root):
    rows = Tables(root=str(root / "tables")).scan("verified_traces").collect()
    return rows.drop("milliseconds", "verified_at").sort("trace_id")


def kill_until_finished(sampler, root, draw, *, pool, expected):
    """Sample into a new root, killing child after child; how many died with work left."""
    shutil.copytree(pool, root)
    hits = 0
    while True:
        child = sampler.start(root)
        wait_for_kill_point(root, draw, child)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = sampler.end()
        if traces(root).height == expected:
            return hits
        assert status == -signal.SIGKILL, "a child that ends by itself has sampled everything"
        hits += 1


@pytest.mark.parametrize(
    ("samples", "kills"),
    [
        pytest.param({"samples_per_prompt": 4}, 20, id="fixed-samples"),
        pytest.param({"adaptive": ROUNDS}, 8, id="rounds"),
    ],
)
def test_killed_sampling_ends_with_the_rows_of_an_undisturbed_run(small, instance, start_sampler, samples, kills):
    small.write_recipe(sampling={"max_tokens": 120, "commit_rows": 8} | samples)
    small.collect(instance)
    sampler, pool, undisturbed = start_sampler(), small.settings.root, small.folder / "undisturbed"
    shutil.copytree(pool, undisturbed)
    sampler.start(undisturbed)
    assert sampler.end() == 0
    expected = traces(undisturbed)
    assert expected.height >= 10 * 2 * 2

    draw, hits, attempts = random.Random(20), 0, 0
    while hits < kills:
        attempts += 1
        assert attempts <= kills, "kills hardly ever land while there is work left"
        root = small.folder / f"killed-{attempts}"
        hits += kill_until_finished(sampler, root, draw, pool=pool, expected=expected.height)
        sampler.start(root)
        assert sampler.end() == 0
        assert traces(root)["trace_id"].is_unique().all()
        assert traces(root).equals(expected)
        assert verdicts(root).equals(verdicts(undisturbed))
        counted = query(Tables(root=str(root / "tables")), "select count(*) as rows from sampled_traces")
        assert counted.item() == expected.height, "files of unfinished commits are invisible to SQL as well"
    print(f"{hits} kills with work left in {attempts} attempts")
