"""Weights run by vLLM from this process: its engine decodes in a process of its own, fed without a pause."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from openreason_dagster.domain.catalogue_entry import VllmModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_tokenizer import ChatTokenizer
from openreason_dagster.resources.engines.load_weights import load_tokenizer
from openreason_dagster.resources.engines.token_requests import completion, prepare
from openreason_dagster.resources.engines.vllm_session import Answer, JobsInFlight, VllmSession
from openreason_dagster.resources.engines.vllm_settings import require_package

if TYPE_CHECKING:
    from vllm.outputs import CompletionOutput

_REQUESTS_PER_PLACE = 2
"""Requests handed over for each sequence that vLLM decodes, so that one waits wherever a place becomes free."""
_SECONDS_BETWEEN_PULLS = 0.1


class VllmEngine(Engine):
    """One load of the weights answers all temperatures; samples of a prompt share its prefill by prefix caching.

    vLLM draws each token with the request's own seed. Its matrix products are rounded as the batch's shape has it, so
    a text may differ between two runs that batch it with other requests.
    """

    def __init__(self, model: VllmModel, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._session: VllmSession | None = None
        self._tokenizer: ChatTokenizer | None = None

    def __enter__(self) -> Self:
        require_package("vllm", extra="vllm", model_name=self._model.name)
        self._tokenizer = load_tokenizer(self._model, self._folder)
        self._session = VllmSession(self._model, self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def environment(self) -> dict[str, str]:
        """Engine, versions, device, number types, and how the model is spread and cached."""
        import torch
        import vllm
        from vllm.platforms import current_platform

        config = self._open()[0].config
        return {
            "engine": "vllm",
            "vllm": vllm.__version__,
            "torch": torch.__version__,
            "device": current_platform.get_device_name(),
            "dtype": str(config.model_config.dtype).removeprefix("torch."),
            "quantization": str(config.model_config.quantization or "none"),
            "maximum_length": str(config.model_config.max_model_len),
            "concurrency": str(config.scheduler_config.max_num_seqs),
            "tensor_parallel": str(config.parallel_config.tensor_parallel_size),
            "data_parallel": str(config.parallel_config.data_parallel_size),
            "prefix_caching": "on" if config.cache_config.enable_prefix_caching else "off",
            "compiled": "no" if config.model_config.enforce_eager else "yes",
        }

    def stream(self, requests: Iterable[Request | None]) -> Iterator[Completion | Failure]:
        """Answer requests in the order they finish; one whose prompt leaves no room to answer fails."""
        session, tokenizer = self._open()
        config = session.config
        positions = config.model_config.max_model_len
        places = config.scheduler_config.max_num_seqs * config.parallel_config.data_parallel_size
        feed, jobs = RequestFeed(requests), JobsInFlight()
        try:
            while jobs.count or not feed.is_exhausted:
                for request in feed.take(_REQUESTS_PER_PLACE * places - jobs.count):
                    prepared = prepare(request, tokenizer, positions=positions)
                    if isinstance(prepared, Failure):
                        yield prepared
                    else:
                        session.ask(prepared, jobs)
                if jobs.count:
                    yield from _results(jobs.take_answers(patience=_SECONDS_BETWEEN_PULLS), tokenizer)
        finally:
            session.abandon(jobs)

    def _open(self) -> tuple[VllmSession, ChatTokenizer]:
        if self._session is None or self._tokenizer is None:
            raise EngineError(f"model {self._model.name!r}: the engine is not open; use it in a `with` statement.")
        return self._session, self._tokenizer


def _results(answers: list[Answer], tokenizer: ChatTokenizer) -> Iterator[Completion | Failure]:
    """What was answered; only then the error, if the engine is gone."""
    gone = [answer.result for answer in answers if isinstance(answer.result, EngineError)]
    for answer in answers:
        if not isinstance(answer.result, EngineError):
            yield _result(answer, tokenizer)
    if gone:
        raise gone[0]


def _result(answer: Answer, tokenizer: ChatTokenizer) -> Completion | Failure:
    job = answer.job
    if isinstance(answer.result, Exception):
        cause = answer.result.__cause__ or answer.result
        return Failure(request=job.request, error="refused", message=f"vLLM: {cause}", attempts=1)
    output = answer.result.outputs[0]
    if output.finish_reason not in {"stop", "length"}:
        message = f"vLLM ended the request with finish reason {output.finish_reason!r}."
        return Failure(request=job.request, error="aborted", message=message, attempts=1)
    return completion(
        job,
        output.token_ids,
        is_ended=_is_ended(output),
        tokenizer=tokenizer,
        token_logprobs=None if output.logprobs is None else output.logprobs.logprobs,
    )


def _is_ended(output: "CompletionOutput") -> bool:
    """Whether an end token stopped it; where a stop string did, vLLM gives that string as the reason."""
    return output.finish_reason == "stop" and not isinstance(output.stop_reason, str)
