"""Progress on the terminal: one bar per model while it samples, plain lines where there is no terminal."""

from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from openreason_dagster.domain.inference.cost import Estimate
from openreason_dagster.domain.inference.sampler import Progress as SamplingProgress
from openreason_dagster.resources.progress import ProgressListener

_SECONDS_BETWEEN_LINES = 10.0


class TerminalProgress(ProgressListener):
    """Draws what it hears. Use as a context manager; `sampled` counts the traces of this run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._last_line = monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    @property
    def sampled(self) -> int:
        """Traces sampled in this run, over all models."""
        return sum(self._done.values())

    def stage(self, title: str) -> None:
        """A new stage begins."""
        self._console.print(f"[bold]›[/bold] {title}")

    def started(self, model: str, *, committed: int, left: Estimate) -> None:
        """Say what is left of a model and what it will cost; draw a bar if anything is."""
        if not left.requests:
            self._console.print(f"  {model}: all {committed} traces are already sampled; nothing is sampled again")
            return
        if committed:
            planned = committed + left.requests
            self._console.print(f"  {model}: {committed} of {planned} traces are already sampled; going on from there")
        self._console.print(f"  {model}: {left.in_words()}")
        self._tasks[model] = self._bars.add_task(model, total=left.requests, rate="")

    def advanced(self, model: str, progress: SamplingProgress, *, money: float, acceptance: float | None) -> None:
        """Move the bar, or print a line now and then."""
        self._done[model] = progress.done
        self._draw(model, progress, noun="traces", money=money, acceptance=acceptance)

    def replied(self, model: str, progress: SamplingProgress, *, role: str, money: float) -> None:
        """Move the bar of a model that is asked in a role; each call of a stage has a bar's length of its own."""
        name = f"{model} as {role}"
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=progress.total, rate="")
        self._draw(name, progress, noun="replies", money=money, acceptance=None)

    def _draw(
        self, name: str, progress: SamplingProgress, *, noun: str, money: float, acceptance: float | None
    ) -> None:
        rate = f"{progress.tokens_per_second:,.0f} tokens/s"
        if acceptance is not None:
            rate += f", {acceptance:.0%} correct"
        if money:
            rate += f", {money:,.2f} spent"
        if progress.failed:
            rate += f", {progress.failed} failed"
        done = progress.done + progress.failed
        self._bars.update(self._tasks[name], completed=done, total=progress.total, rate=rate)
        if not self._console.is_terminal and monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = monotonic()
            self._console.print(f"  {name}: {progress.done} of {progress.total} {noun}, {rate}")

    def stopped(self, model: str, *, limit: str) -> None:
        """Say that the budget ended a run, and how to go on."""
        self._console.print(
            f"  [bold]{model}: {limit} is reached[/bold]; what was sampled is kept, the rest is left. "
            "Raise the limit and run again to go on."
        )
