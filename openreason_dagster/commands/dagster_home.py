"""Dagster's own folder under the root, so that the command line and the web UI share runs and events."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psutil

from openreason_dagster.resources.settings import Settings

PROCESS_TAG = "openreason/process"
_INSTANCE_FILE = Path(__file__).parents[2] / "dagster.yaml"


def prepare_home(settings: Settings) -> Path:
    """Create the folder and put the instance file of the checkout into it."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if _INSTANCE_FILE.is_file():
        shutil.copyfile(_INSTANCE_FILE, home / "dagster.yaml")
    return home


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The persistent instance of this root."""
    os.environ["DAGSTER_HOME"] = str(prepare_home(settings))
    with dg.DagsterInstance.get() as instance:
        yield instance


def process_tag() -> dict[str, str]:
    """A run tag that names this process, so that others can tell whether it still lives."""
    process = psutil.Process()
    return {PROCESS_TAG: f"{process.pid}:{process.create_time():.2f}"}


def fail_lost_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs whose worker is gone as failed and free their pool slots; returns how many.

    After a crash of the whole machine such runs would count as started for ever. Call it only while no Dagster
    service of this root is running. Runs of a command line that still lives are left alone.
    """
    unfinished = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    lost = [
        record.dagster_run
        for record in instance.get_run_records(dg.RunsFilter(statuses=unfinished))
        if not _is_alive(record.dagster_run.tags.get(PROCESS_TAG))
    ]
    for run in lost:
        instance.report_run_failed(run, "the process that ran this is gone; what it committed is kept, run it again")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(lost)


def _is_alive(tag: str | None) -> bool:
    if tag is None:
        return False
    pid, _, created = tag.partition(":")
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == created
    except (psutil.NoSuchProcess, ValueError):
        return False
