"""Weights run by vLLM replicas on a Ray cluster, fed by Ray Data."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from openreason_dagster.domain.catalogue_entry import RayModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_tokenizer import ChatTokenizer
from openreason_dagster.resources.engines.continuous_batch import Job
from openreason_dagster.resources.engines.load_weights import load_tokenizer
from openreason_dagster.resources.engines.ray_processor import RayAnswer, answer_of, jobs_alike, processed
from openreason_dagster.resources.engines.text_limits import TextLimits, read_text_limits
from openreason_dagster.resources.engines.token_requests import completion, prepare
from openreason_dagster.resources.engines.vllm_settings import require_package
from openreason_dagster.resources.ray_cluster import RayCluster

if TYPE_CHECKING:
    from ray.data import Dataset


class RayEngine(Engine):
    """Takes all requests that are ready, up to the entry's `rows_per_dataset`, and has Ray Data answer them.

    Ray starts a lost replica again and repeats the batches that it had; every request is answered once. Replicas are
    there while a data set is being answered: where requests wait for results, the weights are loaded again.
    """

    def __init__(self, model: RayModel, folder: Path, cluster: RayCluster) -> None:
        self._model = model
        self._folder = folder
        self._cluster = cluster
        self._stack = ExitStack()
        self._opened: tuple[ChatTokenizer, TextLimits] | None = None

    def __enter__(self) -> Self:
        require_package("ray", extra="ray", model_name=self._model.name)
        require_package("vllm", extra="vllm", model_name=self._model.name)
        opened = load_tokenizer(self._model, self._folder), read_text_limits(self._model, self._folder)
        self._stack.enter_context(self._cluster)
        self._opened = opened
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._opened = None
        self._stack.close()

    def environment(self) -> dict[str, str]:
        """Engine, versions, and what of the cluster a replica gets."""
        import ray
        import vllm

        limits = self._open()[1]
        return {
            "engine": "ray",
            "ray": ray.__version__,
            "vllm": vllm.__version__,
            "cluster": "local" if self._cluster.is_local else "remote",
            "dtype": self._model.dtype,
            "quantization": self._model.quantization or "none",
            "maximum_length": str(limits.positions),
            "compiled": "yes" if self._model.compile else "no",
            "replicas": str(self._model.replicas),
            "tensor_parallel": str(self._model.tensor_parallel),
            "concurrency": str(self._model.concurrency),
        }

    def stream(self, requests: Iterable[Request | None]) -> Iterator[Completion | Failure]:
        """Answer requests in the order their batches finish; one whose prompt leaves no room to answer fails."""
        tokenizer, limits = self._open()
        feed = RequestFeed(requests)
        while not feed.is_exhausted:
            jobs: list[Job] = []
            for request in feed.take(self._model.rows_per_dataset):
                prepared = prepare(request, tokenizer, positions=limits.positions)
                if isinstance(prepared, Failure):
                    yield prepared
                else:
                    jobs.append(prepared)
            for alike in jobs_alike(jobs):
                with closing(self._answers(alike)) as answers:
                    for answer in answers:
                        yield _result(alike[answer.number], answer, tokenizer=tokenizer, limits=limits)

    def _answers(self, jobs: list[Job]) -> Generator[RayAnswer, None, None]:
        missing = set(range(len(jobs)))
        try:
            for row in self._processed(jobs).iter_rows():
                answer = answer_of(row)
                if answer.number in missing:  # Ray may repeat work it believes lost
                    missing.remove(answer.number)
                    yield answer
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(
                f"model {self._model.name!r}: Ray cluster {self._cluster.address!r} stopped with {len(missing)} of "
                f"{len(jobs)} requests unanswered ({type(error).__name__}: {error}). Check `ray status` and the "
                "catalogue file. Run again: finished work is kept."
            ) from error
        if missing:
            raise EngineError(
                f"model {self._model.name!r}: Ray Data gave no row for {len(missing)} of {len(jobs)} requests; "
                "expected one each. Run again for the rest."
            )

    def _processed(self, jobs: list[Job]) -> "Dataset":
        positions = self._open()[1].positions
        replicas_here = self._model.replicas if self._cluster.is_local else 1
        return processed(self._model, self._folder, jobs, positions=positions, replicas_here=replicas_here)

    def _open(self) -> tuple[ChatTokenizer, TextLimits]:
        if self._opened is None:
            raise EngineError(f"model {self._model.name!r}: the engine is not open; use it in a `with` statement.")
        return self._opened


def _result(job: Job, answer: RayAnswer, *, tokenizer: ChatTokenizer, limits: TextLimits) -> Completion | Failure:
    if answer.error:
        return Failure(request=job.request, error="refused", message=f"vLLM: {answer.error}", attempts=1)
    is_ended = bool(answer.tokens) and answer.tokens[-1] in limits.end_ids
    result = completion(job, answer.tokens, is_ended=is_ended, tokenizer=tokenizer, token_logprobs=answer.logprobs)
    if result.finish_reason == "length" and len(answer.tokens) < job.limit:
        message = f"vLLM ended the request after {len(answer.tokens)} of {job.limit} tokens without an end token."
        return Failure(request=job.request, error="aborted", message=message, attempts=1)
    return result
