"""Dagster's own folder under the root, so that the command line and the web UI share runs and events."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psutil
from rich.console import Console
from sqlalchemy.exc import OperationalError

from openreason_dagster.domain.errors import OpenReasonError
from openreason_dagster.resources.settings import Settings

_HEARTBEAT_SECONDS = 60.0  # daemons give a sign of life every 30
PROCESS_TAG = "openreason/process"
_INSTANCE_FILE = Path(__file__).parents[2] / "dagster.yaml"


def prepare_home(settings: Settings) -> Path:
    """Create the folder and put the instance file of the checkout into it.

    Raises:
        OpenReasonError: the folder cannot be made or written.
    """
    home = settings.dagster_home
    with explaining_root(settings):
        home.mkdir(parents=True, exist_ok=True)
        if _INSTANCE_FILE.is_file():
            shutil.copyfile(_INSTANCE_FILE, home / "dagster.yaml")
    return home


@contextmanager
def explaining_root(settings: Settings) -> Iterator[None]:
    """Turn what the file system says while the root is made into an OpenReasonError with the remedy."""
    try:
        yield
    except OSError as error:
        raise OpenReasonError(
            f"the root {str(settings.root)!r} cannot be used: {error}. Set the environment variable OPENREASON_ROOT to "
            "a folder that can be made and written, or correct its permissions."
        ) from error


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The persistent instance of this root.

    Raises:
        OpenReasonError: its storage cannot be read or written, now or while it is in use.
    """
    os.environ["DAGSTER_HOME"] = str(prepare_home(settings))
    try:
        with dg.DagsterInstance.get() as instance:
            yield instance
    except OperationalError as error:
        raise OpenReasonError(
            f"Dagster's storage in {str(settings.dagster_home)!r} cannot be used: {error.orig}. What was committed to "
            "the tables is intact. Check free disk space and permissions, then start again."
        ) from error


def process_tag() -> dict[str, str]:
    """A run tag that names this process, so that others can tell whether it still lives."""
    process = psutil.Process()
    return {PROCESS_TAG: f"{process.pid}:{process.create_time():.2f}"}


def fail_all_lost_runs(instance: dg.DagsterInstance) -> int:
    """Mark every unfinished run whose process is gone as failed and free its pool slots; returns how many.

    After a crash of the whole machine such runs would count as started for ever. Runs that name no process belong to a
    Dagster service, so call this only while none of this root is running.
    """
    return _fail([run for run in _unfinished_runs(instance) if not _is_alive(run.tags.get(PROCESS_TAG))], instance)


def fail_own_lost_runs(instance: dg.DagsterInstance) -> int:
    """The same for runs of the command line alone, which may be done while a Dagster service is running.

    A killed command would otherwise keep its place in the pool, and the next one would wait for it for ever.
    """
    tagged = [run for run in _unfinished_runs(instance) if PROCESS_TAG in run.tags]
    return _fail([run for run in tagged if not _is_alive(run.tags[PROCESS_TAG])], instance)


def fail_lost_runs(instance: dg.DagsterInstance) -> int:
    """All lost runs while no Dagster service of this root gives signs of life, else only those of the command line.

    A service that crashed leaves runs behind that nobody else would end.
    """
    return fail_own_lost_runs(instance) if _is_served(instance) else fail_all_lost_runs(instance)


def wait_for_silence(instance: dg.DagsterInstance, console: Console) -> None:
    """While a service has unfinished runs, wait about a minute to see whether it still gives signs of life."""
    deadline = time.monotonic() + _HEARTBEAT_SECONDS + 5
    is_told = False
    while time.monotonic() < deadline and _is_served(instance) and _has_service_runs(instance):
        if not is_told:
            console.print("Looking whether an earlier Dagster service still runs (up to a minute)")
            is_told = True
        time.sleep(1.0)


def _is_served(instance: dg.DagsterInstance) -> bool:
    beats = instance.get_daemon_heartbeats().values()
    return any(time.time() - beat.timestamp < _HEARTBEAT_SECONDS for beat in beats)


def _has_service_runs(instance: dg.DagsterInstance) -> bool:
    return any(PROCESS_TAG not in run.tags for run in _unfinished_runs(instance))


def runs_in_pool(instance: dg.DagsterInstance, pool: str) -> set[str]:
    """Identifiers of the runs that fill a pool; empty while it has room."""
    info = instance.event_log_storage.get_concurrency_info(pool)
    is_full = bool(info.slot_count) and info.active_slot_count >= info.slot_count
    return info.active_run_ids if is_full else set()


def _unfinished_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    unfinished = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    return [record.dagster_run for record in instance.get_run_records(dg.RunsFilter(statuses=unfinished))]


def _fail(runs: Sequence[dg.DagsterRun], instance: dg.DagsterInstance) -> int:
    for run in runs:
        instance.report_run_failed(run, "the process that ran this is gone; what it committed is kept, run it again")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(runs)


def _is_alive(tag: str | None) -> bool:
    """Whether the process that a run names still runs; a run that names none is not a command's."""
    if tag is None:
        return False
    pid, _, created = tag.partition(":")
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == created
    except (psutil.NoSuchProcess, ValueError):
        return False
