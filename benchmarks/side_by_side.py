"""The same prompts through every contestant on one server: whole runs, and one that is killed and started again."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.child import measured_in_child
from benchmarks.contestants import Contestant, Skipped, count, environment_of, last_written, run, write_job
from benchmarks.vllm_server import SEATS, SERVED_MODEL, VllmServer

REPOSITORY = Path(__file__).parents[1]
STALLED_SECONDS = 90
"""A run for which the server has had nothing to do for so long is given up."""
FAMILIES = ("addition", "comparison", "ordering", "logic")
TEMPERATURE, MAX_TOKENS = 0.6, 160
HEAD = """\
| System | Traces/s | Range | Tokens/s | Processor | Peak memory | At the kill | Readable | Asked again | Complete |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""


@dataclass(frozen=True)
class WholeRun:
    """A run from start to end."""

    traces: int
    tokens: int
    seconds: float
    """From the first request at the server to the last result on disk."""
    processor_seconds: float
    megabytes: float


@dataclass(frozen=True)
class KilledRun:
    """A run that was killed half way, and the one that followed it. Numbers of samples."""

    answered: int
    """Finished by the server when the run was killed."""
    kept: int
    """Found in the files afterwards."""
    asked_again: int
    """Finished by the server for the run that followed."""
    complete: int
    """There in the end."""
    is_ended: bool
    """Whether the run that followed came to its end."""


class SideBySide:
    """The runs of all contestants so far. One that fails is skipped from then on, and its row says why."""

    def __init__(
        self,
        server: VllmServer,
        job: dict[str, Any],
        folder: Path,
        contestants: Sequence[Contestant],
        *,
        environments: Path,
    ) -> None:
        self._server, self._job, self._folder, self._contestants = server, job, folder, contestants
        self._wanted = len(Path(job["prompts"]).read_text().splitlines()) * job["samples"]
        self._pythons: dict[str, Path] = {}
        self._whole: dict[str, list[WholeRun]] = {each.name: [] for each in contestants}
        self._killed: dict[str, KilledRun] = {}
        self._skipped: dict[str, str] = {}
        for contestant in contestants:
            self._attempt(
                contestant, lambda each: self._pythons.update({each.name: environment_of(each, environments)})
            )

    def run_whole(self, contestant: Contestant, repeat: int) -> None:
        """One more run from start to end."""
        print(f"… {contestant.name}", file=sys.stderr)
        self._attempt(contestant, lambda each: self._whole[each.name].append(self._run_whole(each, repeat)))

    def run_killed(self, contestant: Contestant) -> None:
        """A run that is killed when half the time of a whole run has passed, and started again."""
        print(f"… {contestant.name}, killed", file=sys.stderr)
        self._attempt(contestant, lambda each: self._killed.update({each.name: self._run_killed(each)}))

    def table(self) -> str:
        """One row for each contestant, in Markdown."""
        return "\n".join([HEAD, *map(self._row, self._contestants)])

    def _attempt(self, contestant: Contestant, work: Callable[[Contestant], None]) -> None:
        if contestant.name in self._skipped:
            return
        try:
            work(contestant)
        except Skipped as reason:
            self._skipped[contestant.name] = str(reason)

    def _run_whole(self, contestant: Contestant, repeat: int) -> WholeRun:
        before, python = self._server.counts(), self._pythons[contestant.name]
        file = write_job(self._folder / f"{contestant.name}-{repeat}", self._job)
        whole = run(contestant, python, file, dies=self._stalled())
        if not whole.is_ended:
            raise Skipped(f"it asked for nothing during {STALLED_SECONDS} s and did not end")
        first = self._server.first_request_since(whole.started)
        if first is None:
            raise Skipped("it ended without a request")
        return WholeRun(
            traces=count(contestant, python, file),
            tokens=(self._server.counts() - before).tokens,
            seconds=last_written(contestant, whole.folder) - first,
            processor_seconds=whole.processor_seconds,
            megabytes=whole.megabytes,
        )

    def _run_killed(self, contestant: Contestant) -> KilledRun:
        before, python = self._server.counts(), self._pythons[contestant.name]
        file = write_job(self._folder / f"{contestant.name}-killed", self._job)
        half = statistics.median(each.seconds for each in self._whole[contestant.name]) / 2
        run(contestant, python, file, dies=self._after(half))
        answered = (self._server.counts() - before).samples
        self._server.wait_until_idle()
        kept, before = count(contestant, python, file), self._server.counts()
        following = run(contestant, python, file, dies=self._stalled())
        return KilledRun(
            answered=answered,
            kept=kept,
            asked_again=(self._server.counts() - before).samples,
            complete=count(contestant, python, file),
            is_ended=following.is_ended,
        )

    def _after(self, seconds: float) -> Callable[[], bool]:
        """Whether so many seconds have passed since the first request that came from now on."""
        started, first = time.time(), None

        def is_over() -> bool:
            nonlocal first
            first = first or self._server.first_request_since(started)
            return first is not None and time.time() - first >= seconds

        return is_over

    def _stalled(self) -> Callable[[], bool]:
        """Whether the server has had nothing to do for long."""
        started = time.time()

        def is_stalled() -> bool:
            last = max(started, self._server.last_request())
            return time.time() - last >= STALLED_SECONDS and self._server.is_idle()

        return is_stalled

    def _row(self, contestant: Contestant) -> str:
        name = ", ".join(filter(None, [contestant.name, contestant.version]))
        if contestant.name in self._skipped:
            reason = self._skipped[contestant.name].replace("|", " ")
            return f"| {name} | skipped: {reason} |||||||||"
        runs, killed = self._whole[contestant.name], self._killed[contestant.name]
        rates = [each.traces / each.seconds for each in runs]
        spread = f"{min(rates):.1f} to {max(rates):.1f}" if len(rates) > 1 else ""
        tokens = statistics.median(each.tokens / each.seconds for each in runs)
        is_complete = killed.complete == self._wanted == min(each.traces for each in runs)
        complete = "yes" if is_complete else f"{killed.complete:,} of {self._wanted:,}"
        complete += "" if killed.is_ended else ", the second run did not end"
        return (
            f"| {name} | {statistics.median(rates):.1f} | {spread} | {tokens:,.0f} | "
            f"{statistics.median(each.processor_seconds for each in runs):.1f} s | "
            f"{max(each.megabytes for each in runs):,.0f} MB | {killed.answered:,} | {killed.kept:,} | "
            f"{killed.asked_again:,} | {complete} |"
        )


def prepare(folder: Path, base_url: str, *, prompts: int, samples: int) -> dict[str, Any]:
    """Build the platform's pool and write its prompts for the others; returns the job that all are given."""
    workspace = folder / "workspace"
    entry = {
        "name": "served", "engine": "openai", "base_url": base_url, "served_model": SERVED_MODEL, "revision": "1",
        "license": "Apache-2.0", "concurrency": 2 * SEATS,
    }  # fmt: skip
    recipe = yaml.safe_load((REPOSITORY / "recipes" / "starter.yaml").read_text())
    recipe["sources"] = [
        {"name": name, "kind": "procedural", "task": f"starter/{name}", "count": prompts // len(FAMILIES),
         "seed": seed, "license": "Apache-2.0"}
        for seed, name in enumerate(FAMILIES)
    ]  # fmt: skip
    recipe |= {"benchmarks": [], "chat_sources": [], "models": ["served"], "temperatures": [TEMPERATURE]}
    recipe |= {"cold_start": None, "cot_prompted": None, "preference_pairs": {}, "safety_set": None, "rewards": {}}
    recipe["sampling"] |= {"samples_per_prompt": samples, "max_tokens": MAX_TOKENS}
    for path, content in ((workspace / "catalogue/served.yaml", entry), (workspace / "recipes/starter.yaml", recipe)):
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(content))
    measured_in_child("build_pool", workspace)
    return {
        "prompts": str(workspace / "prompts.jsonl"), "workspace": str(workspace), "base_url": base_url,
        "model": SERVED_MODEL, "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS, "samples": samples,
        "concurrency": 2 * SEATS,
    }  # fmt: skip
