"""The systems that are compared: their environments, and a run of one of them, watched and perhaps killed half way."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[1]
PEERS = Path(__file__).with_name("peers")
_SECONDS_BETWEEN_LOOKS = 0.25


class Skipped(Exception):  # noqa: N818 - a reason, no error of ours
    """A system that cannot be measured here."""


@dataclass(frozen=True)
class Contestant:
    """A system, the program that runs it, and where that program leaves results."""

    name: str
    script: str
    results: str
    """Pattern of the files with results, below the folder of a run."""
    packages: tuple[str, ...] = ()
    """What its environment has; this platform runs in ours."""

    @property
    def version(self) -> str:
        """Name and version of the package that gives the system its name."""
        return self.packages[0].replace("==", " ").replace("[openai]", "").replace("[io]", "") if self.packages else ""


CONTESTANTS = (
    Contestant("platform", "platform_run.py", "data/tables/sampled_traces/**/*.parquet"),
    Contestant(
        "distilabel",
        "distilabel_run.py",
        "cache/**/steps_outputs/**/*.parquet",
        ("distilabel[openai]==1.5.3", "requests", "beautifulsoup4"),  # both are imported by it, and not required
    ),
    Contestant("curator", "curator_run.py", "curator/*/responses_*.jsonl", ("bespokelabs-curator==0.1.31",)),
    Contestant(
        "datatrove",
        "datatrove_run.py",
        "output/*.jsonl",
        # Its extra `inference` would bring vLLM and SGLang, which a client of a running server does not need.
        ("datatrove[io]==0.10.1", "aiofiles", "aiosqlite", "httpx", "orjson", "xxhash"),
    ),
    Contestant("asyncio", "asyncio_run.py", "traces.jsonl", ("aiohttp==3.14.5",)),
)


@dataclass(frozen=True)
class Run:
    """One process of a contestant, from start to its end or to its death."""

    folder: Path
    started: float
    """Seconds since the epoch."""
    is_ended: bool
    """Whether it ended by itself."""
    processor_seconds: float
    """What it and the children it waited for took of the processor, its start included; 0 for one that was killed."""
    megabytes: float
    """Most memory that it and its children held at once, each page counted once (proportional set size)."""


def environment_of(contestant: Contestant, environments: Path) -> Path:
    """The Python that has the contestant's packages; installs them the first time.

    Raises:
        Skipped: they cannot be installed.
    """
    if not contestant.packages:
        return Path(sys.executable)
    folder = environments / contestant.name
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists() and stamp.read_text() == "\n".join(contestant.packages):
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *contestant.packages]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], pip):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "error" in line.lower()] or [done.stderr]
            raise Skipped(errors[0][:200])
    stamp.write_text("\n".join(contestant.packages))
    return python


def write_job(folder: Path, job: Mapping[str, object]) -> Path:
    """The file that tells a contestant's program what to do in a new folder."""
    folder.mkdir(parents=True)
    file = folder / "job.json"
    file.write_text(json.dumps(dict(job) | {"folder": str(folder)}))
    return file


def run(contestant: Contestant, python: Path, job: Path, *, dies: Callable[[], bool]) -> Run:
    """Run to the end, or until `dies` says so: then all its processes are killed with SIGKILL.

    Raises:
        Skipped: the program failed; the reason is the last line it printed.
    """
    log, started, before, megabytes = job.with_name("run.log"), time.time(), _children_seconds(), 0.0
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(python), str(PEERS / contestant.script), "run", str(job)],
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=job.parent,
            env=_environment(contestant, job.parent),
        )
    while process.poll() is None:
        megabytes = max(megabytes, _held(process.pid))
        if dies():
            _kill(process)
            return Run(job.parent, started, is_ended=False, processor_seconds=0.0, megabytes=megabytes)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        lines = log.read_text().strip().splitlines() or ["nothing printed"]
        raise Skipped(f"it failed: {lines[-1][:200]}")
    return Run(job.parent, started, is_ended=True, processor_seconds=_children_seconds() - before, megabytes=megabytes)


def count(contestant: Contestant, python: Path, job: Path) -> int:
    """Samples with a completion that can be read in what a run has left, by the contestant's own reader."""
    command = [str(python), str(PEERS / contestant.script), "count", str(job)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=_environment(contestant, job.parent))
    return int(done.stdout.split()[-1])


def last_written(contestant: Contestant, folder: Path) -> float:
    """When the last result was written, in seconds since the epoch."""
    return max(file.stat().st_mtime for file in folder.glob(contestant.results))


def _environment(contestant: Contestant, folder: Path) -> dict[str, str]:
    """Caches stay in the run's folder, nothing is asked of a hub, and only this platform sees this checkout."""
    return os.environ | {
        "HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": "" if contestant.packages else str(REPOSITORY),
    }


def _children_seconds() -> float:
    """Processor time of all processes that this one has started and waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _held(process: int) -> float:
    """Megabytes of a process and its descendants."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process)
        for each in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += each.memory_full_info().pss
    return total / 1e6


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.kill()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
