"""Traces that somebody else sampled, answered from a data set instead of from a model."""

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from openreason_dagster.domain.catalogue_entry import DatasetModel
from openreason_dagster.domain.errors import EngineError, SourceError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.domain.seeds.file import Row, read_file_rows
from openreason_dagster.domain.seeds.hub import read_hub_rows
from openreason_dagster.resources.engines.imported_traces import ImportedTraces


class DatasetEngine(Engine):
    """Answers a request with the imported trace of the same prompt and number; what the set does not state is null.

    Prompts are compared by normalised text. Sample `i` of a prompt is its i-th trace in the order of the set. The set
    is read once, when samples are first counted or when the engine is entered.
    """

    def __init__(self, model: DatasetModel, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._traces: ImportedTraces | None = None
        self._is_open = False

    def __enter__(self) -> Self:
        self._read()
        self._is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._traces is not None:
            self._traces.close()
        self._traces = None
        self._is_open = False

    def environment(self) -> dict[str, str]:
        """Engine, data set, and how many traces it gave; `skipped` ones lack a prompt or a text."""
        traces = self._open_traces()
        place = (
            {"file": Path(self._model.path).name} if self._model.path else {"repository": f"{self._model.repository}"}
        )
        return {"engine": "dataset"} | place | {"traces": str(traces.count), "skipped": str(traces.skipped)}

    def samples_available(self, prompt: str) -> int:
        """How many traces the set has for a prompt's text."""
        return self._read().available(prompt)

    def stream(self, requests: Iterable[Request | None]) -> Generator[Completion | Failure]:
        """Answer requests in their order; one that the set has no trace for fails as `no_such_trace`."""
        traces = self._open_traces()
        for request in filter(None, requests):
            available = traces.available(request.prompt)
            if request.sample_index >= available:
                message = f"The set has {available} traces of this prompt; asked for number {request.sample_index}."
                yield Failure(request=request, error="no_such_trace", message=message, attempts=1)
                continue
            trace = traces.read(request.prompt, request.sample_index)
            yield Completion(
                request=request,
                text=trace.text,
                reasoning=trace.reasoning,
                finish_reason=trace.finish_reason,
                opened_think=False,
                prompt_tokens=None,
                completion_tokens=trace.completion_tokens,
                attempts=1,
                used_seed=False,
                imported=trace.record,
            )

    def _read(self) -> ImportedTraces:
        if self._traces is None:
            try:
                rows = islice(self._rows(), self._model.limit)
                self._traces = ImportedTraces(rows, self._model, where=self._place())
            except SourceError as error:
                raise EngineError(str(error)) from error
        return self._traces

    def _rows(self) -> Iterator[Row]:
        where = f"model {self._model.name!r}"
        if self._model.hub is not None:
            return read_hub_rows(self._model.hub, self._folder, where=where)
        return read_file_rows(self._folder / f"{self._model.path}", where=where)

    def _place(self) -> str:
        if self._model.path is not None:
            return f"model {self._model.name!r}, file {str(self._folder / self._model.path)!r}"
        return f"model {self._model.name!r}, repository {self._model.repository!r}"

    def _open_traces(self) -> ImportedTraces:
        if self._traces is None or not self._is_open:
            raise EngineError(f"model {self._model.name!r}: the engine is not open; use it in a `with` statement.")
        return self._traces
