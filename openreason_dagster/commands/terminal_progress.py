"""Progress on the terminal: one bar per model while it samples, plain lines where there is no terminal."""

from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

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

    def started(self, model: str, *, planned: int, committed: int) -> None:
        """Say what is left of a model; draw a bar if anything is."""
        if committed == planned:
            self._console.print(f"  {model}: all {planned} traces are already sampled; nothing is sampled again")
            return
        if committed:
            self._console.print(f"  {model}: {committed} of {planned} traces are already sampled; going on from there")
        self._tasks[model] = self._bars.add_task(model, total=planned - committed, rate="")

    def advanced(self, model: str, progress: SamplingProgress) -> None:
        """Move the bar, or print a line now and then."""
        self._done[model] = progress.done
        rate = f"{progress.tokens_per_second:,.0f} tokens/s"
        if progress.failed:
            rate += f", {progress.failed} failed"
        self._bars.update(self._tasks[model], completed=progress.done + progress.failed, rate=rate)
        if not self._console.is_terminal and monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = monotonic()
            self._console.print(f"  {model}: {progress.done} of {progress.total} traces, {rate}")
