"""Weights run in this process by Hugging Face Transformers, continuously batched, on a GPU if there is one."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.continuous_batch import ContinuousBatch, Decoder, Finished, Job
from openreason_dagster.resources.engines.load_weights import LoadedModel, load_weights
from openreason_dagster.resources.engines.token_requests import completion, prepare

ADMISSION_SHARE = 8
"""New prompts are read when one row in this many is free: reading prompts costs about as much as a step."""
ADMISSION_STEPS = 16
"""Steps after which a free row is filled even when it is the only one."""


class TransformersEngine(Engine):
    """Decodes many requests at once, each with its own seed and parameters; a finished row is refilled from the stream.

    With dtype float64 a request's text does not depend on what shares its batch. In narrower types the rounding of
    matrix products depends on the batch's shape, which can flip a token now and then.
    """

    def __init__(self, model: TransformersModel, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._loaded: LoadedModel | None = None
        self._threads_before: int | None = None

    def __enter__(self) -> Self:
        import torch

        self._loaded = load_weights(self._model, self._folder)
        if self._model.threads is not None:
            self._threads_before = torch.get_num_threads()
            torch.set_num_threads(self._model.threads)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import torch

        self._loaded = None
        if self._threads_before is not None:  # the setting holds for the whole process, and another model may follow
            torch.set_num_threads(self._threads_before)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def environment(self) -> dict[str, str]:
        """Engine, versions, device, number type, rows decoded together and processor threads."""
        import torch
        import transformers

        network = self._model_in_use().network
        return {
            "engine": "transformers",
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if network.device.type == "cuda" else "cpu",
            "dtype": str(network.dtype).removeprefix("torch."),
            "batch_size": str(self._model.batch_size),
            "threads": str(torch.get_num_threads()),
        }

    def stream(self, requests: Iterable[Request | None]) -> Iterator[Completion | Failure]:
        """Answer requests in the order they finish; one whose prompt leaves no room to answer fails."""
        loaded = self._model_in_use()
        batch = ContinuousBatch(_decoder(loaded), self._model.batch_size)
        feed, waited = RequestFeed(requests), 0
        while (may_pull := not feed.is_exhausted) or batch.busy_rows:
            if may_pull and self._is_admission_time(batch, waited):
                prepared = [
                    prepare(request, loaded.tokenizer, positions=loaded.positions)
                    for request in feed.take(len(batch.free_rows))
                ]
                waited = 0
                yield from (each for each in prepared if isinstance(each, Failure))
                yield from _completions(batch.admit([each for each in prepared if isinstance(each, Job)]), loaded)
                if feed.is_exhausted:
                    batch.shrink()
            yield from _completions(batch.step(), loaded)
            waited += 1
            if feed.is_exhausted and len(batch.free_rows) > len(batch.busy_rows):
                batch.shrink()

    def _is_admission_time(self, batch: ContinuousBatch, waited: int) -> bool:
        free = len(batch.free_rows)
        return free * ADMISSION_SHARE >= self._model.batch_size or (free > 0 and waited >= ADMISSION_STEPS)

    def _model_in_use(self) -> LoadedModel:
        if self._loaded is None:
            raise EngineError(f"model {self._model.name!r}: the engine is not open; use it in a `with` statement.")
        return self._loaded


def _decoder(loaded: LoadedModel) -> Decoder:
    def has_stopped(job: Job, tokens: list[int]) -> bool:
        return loaded.tokenizer.cut_at_stop(tokens, job.request.parameters.stop) is not None

    return Decoder(network=loaded.network, end_ids=loaded.end_ids, has_stopped=has_stopped)


def _completions(finished: Iterable[Finished], loaded: LoadedModel) -> Iterator[Completion]:
    for each in finished:
        is_ended = each.tokens[-1] in loaded.end_ids
        yield completion(each.job, each.tokens, is_ended=is_ended, tokenizer=loaded.tokenizer)
