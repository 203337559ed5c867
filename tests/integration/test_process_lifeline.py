"""What becomes of the processes that an engine has started, by the way it ends."""

import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from openreason_dagster.resources.engines.process_lifeline import ProcessLifeline
from tests.processes import is_running

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])
child.wait()
"""


@pytest.fixture
def start():
    """Starts a program that waits, once it runs; ends it after the test."""
    started = []

    def started_program(program=SLEEPER):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        started.append(process)
        process.stdout.readline()
        return psutil.Process(process.pid)

    yield started_program
    for process in started:
        process.kill()
        process.communicate()


def has_ended(*processes):
    _, alive = psutil.wait_procs(processes, timeout=10)
    return not any(is_running(process) for process in alive)


@pytest.mark.parametrize("word", ["started", "still-starting"])
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_ends_what_was_started_with_its_children(start, word, interrupt):
    with suppress(interrupt), ProcessLifeline() as lifeline:
        parent = start(PARENT)
        if word == "started":
            lifeline.started()
        family = [parent, *parent.children()]
        raise interrupt
    assert len(family) == 2
    assert has_ended(*family)


@pytest.mark.parametrize("error", [None, ValueError])
def test_who_leaves_in_order_has_ended_its_processes(start, error):
    with suppress(ValueError), ProcessLifeline() as lifeline:
        process = start()
        lifeline.started()
        if error is not None:
            raise error
    assert is_running(process)


def test_what_was_there_before_is_left_alone(start):
    before = start()
    with suppress(KeyboardInterrupt), ProcessLifeline() as lifeline:
        lifeline.started()
        raise KeyboardInterrupt
    assert is_running(before)


def test_what_starts_too_late_is_ended_too(start):
    with ProcessLifeline() as lifeline:
        first = start()
        lifeline.end_processes()
        assert has_ended(first)
        assert has_ended(start())
    assert is_running(start())
