"""Traces that somebody else sampled, answered from a file instead of from a model."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from openreason_dagster.domain.catalogue_entry import DatasetModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.imported_traces import ImportedTraces, prompt_key


class DatasetEngine(Engine):
    """Answers a request with the imported trace of the same prompt and number; what the set does not state is null.

    Prompts are compared by normalised text. Sample `i` of a prompt is its i-th trace in the order of the file.
    """

    def __init__(self, model: DatasetModel, folder: Path) -> None:
        self._model = model
        self._path = folder / model.path
        self._traces: ImportedTraces | None = None

    def __enter__(self) -> Self:
        self._traces = self._read_file()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._traces is not None:
            self._traces.close()
        self._traces = None

    def environment(self) -> dict[str, str]:
        """Engine, and how many traces the file gave; `skipped` ones lack a prompt or a text."""
        traces = self._open_traces()
        return {
            "engine": "dataset",
            "file": self._path.name,
            "traces": str(traces.count),
            "skipped": str(traces.skipped),
        }

    def samples_available(self, prompt: str) -> int:
        """How many traces the file has for a prompt's text."""
        return self._counts.get(prompt_key(prompt), 0)

    def stream(self, requests: Iterable[Request | None]) -> Iterator[Completion | Failure]:
        """Answer requests in their order; one that the file has no trace for fails as `no_such_trace`."""
        traces = self._open_traces()
        for request in filter(None, requests):
            available = traces.available(request.prompt)
            if request.sample_index >= available:
                message = f"The file has {available} traces of this prompt; asked for number {request.sample_index}."
                yield Failure(request=request, error="no_such_trace", message=message, attempts=1)
                continue
            text, reasoning = traces.read(request.prompt, request.sample_index)
            yield Completion(
                request=request,
                text=text,
                reasoning=reasoning,
                finish_reason="stop",
                opened_think=False,
                prompt_tokens=None,
                completion_tokens=None,
                attempts=1,
                used_seed=False,
            )

    @cached_property
    def _counts(self) -> dict[bytes, int]:
        with closing(self._read_file()) as traces:
            return traces.counts()

    def _read_file(self) -> ImportedTraces:
        return ImportedTraces(self._path, self._model.columns, where=f"model {self._model.name!r}")

    def _open_traces(self) -> ImportedTraces:
        if self._traces is None:
            raise EngineError(f"model {self._model.name!r}: the engine is not open; use it in a `with` statement.")
        return self._traces
