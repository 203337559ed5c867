"""A running vLLM engine: its processes, and the event loop in a thread of its own that talks to them."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
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
    processor_threads,
    sampling_values,
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
        self._numbers = 0
        self._engine: AsyncLLM | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"engine-{model.name}", daemon=True)
        self._stack = ExitStack()
        try:
            lifeline = self._stack.enter_context(ProcessLifeline())
            self._thread.start()
            self._stack.callback(self._end_thread)
            self._run(self._start(folder))
            lifeline.started()
        except BaseException:
            self._stack.close()
            raise

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

    async def _start(self, folder: Path) -> None:
        with default_variables(ENVIRONMENT):
            from vllm.engine.arg_utils import AsyncEngineArgs
            from vllm.exceptions import VLLMError
            from vllm.platforms import current_platform
            from vllm.v1.engine.async_llm import AsyncLLM

            device: Literal["processor", "accelerator"] = "processor" if current_platform.is_cpu() else "accelerator"
            arguments = engine_arguments(self._model, folder, device=device)
            arguments["data_parallel_size"] = self._model.data_parallel
            try:
                config = AsyncEngineArgs(**arguments).create_engine_config()
                fit_processor_memory(config, self._model)
                with default_variables(processor_threads(config)):
                    self._engine = AsyncLLM.from_vllm_config(config, disable_log_stats=True)
            except (OSError, ValueError, TypeError, RuntimeError, VLLMError) as error:
                raise EngineError(
                    f"model {self._model.name!r}: vLLM does not start with the weights at {self._model.path!r} "
                    f"({error}). Correct its catalogue file; less memory is taken with a lower `concurrency`, "
                    "`maximum_length` or `memory_share`."
                ) from error

    async def _stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown()
        await _cancel(asyncio.all_tasks() - {asyncio.current_task()})

    def _begin(self, job: Job, jobs: JobsInFlight) -> None:
        task = self._loop.create_task(self._answer(job, jobs))
        jobs.tasks.add(task)
        task.add_done_callback(jobs.tasks.discard)

    async def _answer(self, job: Job, jobs: JobsInFlight) -> None:
        """Put one answer for the job, whatever vLLM raises: a job without an answer would be waited for for ever."""
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            jobs.answers.put(Answer(job, await self._generate(job)))
        except EngineDeadError:
            jobs.answers.put(Answer(job, self._gone()))
        except Exception as error:  # noqa: BLE001 - becomes the failure of this request
            jobs.answers.put(Answer(job, error))

    async def _generate(self, job: Job) -> "RequestOutput":
        from vllm import SamplingParams
        from vllm.inputs.engine import tokens_input
        from vllm.sampling_params import RequestOutputKind

        assert self._engine is not None
        parameters = SamplingParams(**sampling_values(job), output_kind=RequestOutputKind.FINAL_ONLY, skip_clone=True)
        self._numbers += 1
        stream = self._engine.generate(tokens_input(list(job.ids)), parameters, request_id=str(self._numbers))
        outputs = [output async for output in stream]
        return outputs[-1]

    def _gone(self) -> EngineError:
        return EngineError(
            f"model {self._model.name!r}: vLLM's engine process has ended; its own messages say why. Where memory ran "
            "out, lower `concurrency`, `maximum_length` or `memory_share` in the catalogue file. Run again: finished "
            "work is kept."
        )


async def _cancel(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    cancelled = [task for task in tasks if task is not None and task.cancel()]
    await asyncio.gather(*cancelled, return_exceptions=True)
