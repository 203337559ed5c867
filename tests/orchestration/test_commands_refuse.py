"""What cannot work is refused before anything is written or run."""

import fcntl
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from command_line import invoke, words
from dagster._core.utils import make_new_run_id
from dagster._daemon.types import DaemonHeartbeat
from small_workspace import starter_entry

from openreason_dagster.commands.dagster_home import fail_lost_runs, prepare_home


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("query", "select count(*) from sampled_traces"), id="query"),
        pytest.param(("show", "abc"), id="show"),
    ],
)
def test_reading_an_empty_root_creates_no_table(small, arguments):
    invoke(small, *arguments)
    assert not small.settings.tables.exists()


@pytest.mark.parametrize("arguments", [("query", "select 1"), ("show", "abc"), ("status",)], ids=lambda a: a[0])
def test_damaged_table_is_an_error_with_a_remedy(small, arguments):
    small.tables.open("sampled_traces")
    (Path(small.tables.uri("sampled_traces")) / "_delta_log" / f"{0:020d}.json").write_text("garbage")
    result = invoke(small, *arguments)
    assert result.exit_code == 1
    assert "error: table 'sampled_traces' cannot be read" in words(result.stderr)


def test_error_that_quotes_a_model_shows_escapes(small):
    result = invoke(small, "query", "select cast(chr(27) || '[2J' as int)")
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr


MODEL = {"model": "starter-base"}


@pytest.mark.parametrize(
    ("section", "key", "role"),
    [
        pytest.param({"verification": {"judge": MODEL}}, "verification.judge.model", "judge", id="judge"),
        pytest.param({"safety_set": {"judge": MODEL}}, "safety_set.judge.model", "judge", id="safety"),
        pytest.param(
            {"preference_pairs": {"votes": {"judge": MODEL}}}, "preference_pairs.votes.judge.model", "judge", id="votes"
        ),
        pytest.param(
            {"cold_start": {"writer": MODEL, "temperature": 1.2}}, "cold_start.writer.model", "writer", id="writer"
        ),
        pytest.param({"rewards": {"helpful": MODEL}}, "rewards.helpful.model", "reward", id="reward"),
    ],
)
def test_a_model_without_the_role_is_refused_before_anything_is_sampled(small, section, key, role):
    small.write_recipe(**section)
    result = invoke(small, "run", str(small.settings.recipe))
    assert result.exit_code == 1
    assert f"`{key}` names model 'starter-base', which cannot be asked as {role}" in words(result.stderr)
    assert not small.settings.tables.exists()


IMPORTED = {
    "engine": "dataset",
    "path": "./traces.jsonl",
    "columns": {"prompt": "question", "completions": "answer"},
    "revision": "1",
    "license": "MIT",
}


@pytest.mark.parametrize(
    ("entry", "temperatures", "remedy"),
    [
        pytest.param(IMPORTED, [0.3, 1.2], "Add imported to them", id="temperature-not-stated"),
        pytest.param(IMPORTED | {"temperature": 0.7}, [0.3, "imported"], "Add 0.7 to them", id="other-temperature"),
        pytest.param(starter_entry("theirs"), ["imported"], "Add a number to them", id="model-that-samples"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--model", "theirs")], ids=["all-models", "one-model"])
def test_model_that_no_temperature_applies_to(small, entry, temperatures, remedy, options):
    (small.settings.catalogue / "traces.jsonl").write_text('{"question": "1+1?", "answer": "2"}\n')
    small.write_model(entry | {"name": "theirs"})
    small.write_recipe(temperatures=temperatures, models=["theirs"])
    result = invoke(small, "run", str(small.settings.recipe), *options)
    assert result.exit_code == 1
    text = words(result.stderr)
    assert "key `temperatures`: found" in text
    assert f"{remedy}, or exclude the model by '!theirs' in `models`" in text
    assert not small.settings.root.exists()


def test_broken_entry_is_refused_also_when_it_is_the_only_model(small):
    small.write_model(starter_entry("theirs") | {"path": "./gone"})
    result = invoke(small, "run", str(small.settings.recipe), "--model", "theirs")
    assert result.exit_code == 1
    assert "theirs.yaml: key `path` names './gone'" in words(result.stderr)
    assert not small.settings.root.exists()


HOLDER = """
import os, sys
from pathlib import Path
from openreason_dagster.commands.ui import _lock
with _lock(Path(sys.argv[1])):
    os.execv(sys.executable, [sys.executable, "-c", "print('held', flush=True); input()"])
"""


def test_second_web_ui_of_a_root_is_refused_until_the_first_ends(small):
    path = prepare_home(small.settings) / "ui.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "held\n"
        result = invoke(small, "ui", "--port", str(free_port()))
        assert result.exit_code == 1
        assert f"a web UI over '{small.settings.root}' is running already" in words(result.stderr)
        first.send_signal(signal.SIGKILL)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("command", ["run", "ui"])
def test_root_that_cannot_be_made(small, command):
    small.settings.root.write_text("a file")
    recipe = str(small.settings.recipe)
    arguments = ("run", recipe) if command == "run" else ("ui", "--recipe", recipe, "--port", str(free_port()))
    result = invoke(small, *arguments)
    assert result.exit_code == 1
    assert f"error: the root '{small.settings.root}' cannot be used" in words(result.stderr)
    assert "OPENREASON_ROOT" in result.stderr


def test_web_ui_over_a_recipe_that_cannot_be_read_is_not_started(small):
    result = invoke(small, "ui", "--recipe", "nowhere.yaml", "--port", str(free_port()))
    assert result.exit_code == 1
    assert "nowhere.yaml: cannot be read" in words(result.stderr)
    assert not small.settings.root.exists()


@pytest.mark.parametrize("port", ["0", "99999", "http"])
def test_port_that_is_none(small, port):
    result = invoke(small, "ui", "--port", port)
    assert result.exit_code == 2
    assert "--port" in result.stderr
    assert not small.settings.root.exists()


def test_taken_port_leaves_no_lock(small):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for _ in range(2):
            result = invoke(small, "ui", "--port", str(taken.getsockname()[1]))
            assert "cannot be used" in words(result.stderr)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("age", "failed"),
    [
        pytest.param(None, 1, id="no-service-ever"),
        pytest.param(3600, 1, id="service-that-crashed"),
        pytest.param(1, 0, id="service-that-lives"),
    ],
)
def test_lost_run_of_a_service_is_failed_once_no_service_lives(instance, age, failed):
    run_id = make_new_run_id()
    instance.add_run(dg.DagsterRun("sample_model", run_id=run_id, status=dg.DagsterRunStatus.STARTED))
    if age is not None:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, "SENSOR", None, None))
    assert fail_lost_runs(instance) == failed
    assert (instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE) == bool(failed)
