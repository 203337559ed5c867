"""A running vLLM engine: its processes, and the event loop in a thread of its own that talks to them."""

import asyncio
import logging
import threading
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from openreason_dagster.domain.catalogue_entry import VllmModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.default_variables import default_variables
from openreason_dagster.resources.engines.continuous_batch import Job
from openreason_dagster.resources.engines.process_lifeline import ProcessLifeline
from openreason_dagster.resources.engines.vllm_settings import (
    ENVIRONMENT,
    engine_arguments,
    fit_processor_memory,
    processor_variables,
    sampling_values,
    shutdown_seconds,
)

if TYPE_CHECKING:
    from vllm.config import VllmConfig
    from vllm.outputs import RequestOutput
    from vllm.v1.engine.async_llm import AsyncLLM


@dataclass(frozen=True)
class Answer:
    """What vLLM made of a job: its output, or why there is none; an EngineError if the engine is gone."""

    job: Job
    result: "RequestOutput | Exception"


@dataclass
class JobsInFlight:
    """The jobs of one stream that are not answered yet."""

    count: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Belongs to the session's thread."""
    answers: SimpleQueue[Answer] = field(default_factory=SimpleQueue)

    def take_answers(self, *, patience: float) -> list[Answer]:
        """All answers that are there; waits up to `patience` seconds for the first."""
        taken = []
        try:
            taken.append(self.answers.get(timeout=patience))
            while True:
                taken.append(self.answers.get_nowait())
        except Empty:
            self.count -= len(taken)
            return taken


class VllmSession:
    """Loads the weights when made and frees them on `close`.

    Raises:
        EngineError: the engine does not start.
    """

    def __init__(self, model: VllmModel, folder: Path) -> None:
        self._model = model
        self._numbers = count()
        self._engine: AsyncLLM | None = None
        with ExitStack() as stack:
            lifeline = stack.enter_context(ProcessLifeline())
            config = self._configure(folder)
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name=f"engine-{model.name}", daemon=True)
            self._thread.start()
            stack.callback(self._end_thread)
            self._load(config, lifeline)
            self._stack = stack.pop_all()

    @property
    def config(self) -> "VllmConfig":
        """What vLLM made of the catalogue entry."""
        assert self._engine is not None
        return self._engine.vllm_config

    def ask(self, job: Job, jobs: JobsInFlight) -> None:
        """Hand a job to vLLM; its answer will be among those of `jobs`."""
        jobs.count += 1
        self._loop.call_soon_threadsafe(self._begin, job, jobs)

    def abandon(self, jobs: JobsInFlight) -> None:
        """Give up what is not answered yet."""
        if self._thread.is_alive():
            self._run(_cancel(jobs.tasks))

    def close(self) -> None:
        """End vLLM's processes and the thread."""
        self._stack.close()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _end_thread(self) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _configure(self, folder: Path) -> "VllmConfig":
        """In the caller's thread, where an interrupt ends it at once."""
        with self._start_errors(), default_variables(ENVIRONMENT):
            from vllm.engine.arg_utils import AsyncEngineArgs
            from vllm.platforms import current_platform
            from vllm.usage.usage_lib import UsageContext

            device: Literal["processor", "accelerator"] = "processor" if current_platform.is_cpu() else "accelerator"
            arguments = AsyncEngineArgs(**engine_arguments(self._model, folder, device=device))
            # As for vLLM's own batches: a server's steps read fewer prompt tokens, to answer the first sooner.
            config = arguments.create_engine_config(UsageContext.LLM_CLASS)
            fit_processor_memory(config, replicas=config.parallel_config.data_parallel_size)
            return config

    def _load(self, config: "VllmConfig", lifeline: ProcessLifeline) -> None:
        loading = asyncio.run_coroutine_threadsafe(self._start(config), self._loop)
        try:
            loading.result()
        except EngineError:
            raise
        except BaseException:  # an interrupt: without its processes the thread stops loading
            lifeline.end_processes()
            raise
        lifeline.started()

    async def _start(self, config: "VllmConfig") -> None:
        """In the loop, so that vLLM's own tasks belong to it."""
        with self._start_errors(), default_variables(ENVIRONMENT | processor_variables(config)):
            from vllm.v1.engine.async_llm import AsyncLLM

            self._engine = AsyncLLM.from_vllm_config(config, disable_log_stats=True)

    @contextmanager
    def _start_errors(self) -> Iterator[None]:
        """Whatever vLLM raises: a wrong entry may show anywhere in it, as any kind of error."""
        try:
            yield
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(
                f"model {self._model.name!r}: vLLM does not start with the weights at {self._model.path!r} "
                f"({type(error).__name__}: {error}). Correct its catalogue file; less memory is taken with a lower "
                "`concurrency`, `maximum_length` or `memory_share`."
            ) from error

    async def _stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            seconds = shutdown_seconds(engine.vllm_config)
            with nullcontext() if seconds is None else _no_word_of_kills():
                engine.shutdown(timeout=seconds)
        await _cancel(asyncio.all_tasks() - {asyncio.current_task()})

    def _begin(self, job: Job, jobs: JobsInFlight) -> None:
        task = self._loop.create_task(self._answer(job, jobs))
        jobs.tasks.add(task)
        task.add_done_callback(jobs.tasks.discard)

    async def _answer(self, job: Job, jobs: JobsInFlight) -> None:
        """Put one answer for the job, whatever vLLM raises: a job without an answer would be waited for for ever."""
        assert self._engine is not None
        result: RequestOutput | Exception
        try:
            result = await self._generate(job, self._engine)
            is_gone = result.outputs[0].finish_reason == "abort"  # by the engine: what we abort has no answer
        except Exception as error:  # noqa: BLE001 - becomes the failure of this request
            result, is_gone = error, self._engine.errored
        jobs.answers.put(Answer(job, self._gone() if is_gone else result))

    async def _generate(self, job: Job, engine: "AsyncLLM") -> "RequestOutput":
        from vllm import SamplingParams
        from vllm.inputs.engine import tokens_input
        from vllm.sampling_params import RequestOutputKind

        parameters = SamplingParams(**sampling_values(job), output_kind=RequestOutputKind.FINAL_ONLY, skip_clone=True)
        stream = engine.generate(tokens_input(list(job.ids)), parameters, request_id=str(next(self._numbers)))
        outputs = [output async for output in stream]
        return outputs[-1]

    def _gone(self) -> EngineError:
        return EngineError(
            f"model {self._model.name!r}: vLLM's engine process has ended; its own messages say why. Where memory ran "
            "out, lower `concurrency`, `maximum_length` or `memory_share` in the catalogue file. Run again: finished "
            "work is kept."
        )


@contextmanager
def _no_word_of_kills() -> Iterator[None]:
    """Keep vLLM from warning that it kills what we have it kill."""
    logger = logging.getLogger("vllm.v1.utils")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


async def _cancel(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    cancelled = [task for task in tasks if task is not None and task.cancel()]
    await asyncio.gather(*cancelled, return_exceptions=True)
