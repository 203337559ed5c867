"""A command killed while it samples is simply called again: it takes its place in the pool and goes on."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import call, variables
from small_workspace import SmallWorkspace

pytestmark = pytest.mark.slow
OPENREASON = str(Path(sys.executable).with_name("openreason"))
DEADLINE_SECONDS = 120


def commits(workspace: SmallWorkspace) -> int:
    return len(list((workspace.settings.tables / "sampled_traces" / "_delta_log").glob("*.json")))


def test_run_killed_while_sampling_goes_on_when_called_again(small):
    small.write_recipe(sampling={"samples_per_prompt": 16, "max_tokens": 120, "commit_rows": 8})
    recipe = str(small.settings.recipe)
    with subprocess.Popen(
        [OPENREASON, "run", recipe], env=os.environ | variables(small), stdout=subprocess.PIPE
    ) as run:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while commits(small) < 4:
            assert time.monotonic() < deadline
            assert run.poll() is None, "the run ended before it could be killed"
            os.sched_yield()
        run.kill()
    before = set(small.tables.scan("sampled_traces").collect()["trace_id"])
    assert 0 < len(before) < 16 * 10 * 2

    again = call(small, "run", recipe)
    assert again.returncode == 0, again.stderr
    assert "going on from there" in again.stdout
    after = small.tables.scan("sampled_traces").collect()["trace_id"]
    assert before <= set(after)
    assert len(after) == after.n_unique() == 16 * small.tables.scan("prompt_pool").collect().height * 2
