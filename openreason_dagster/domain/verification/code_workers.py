"""Worker processes for every kind of answer but code, and threads that run code in a sandbox."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from openreason_dagster.domain.errors import OpenReasonError
from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.sandbox import Limits, Sandbox
from openreason_dagster.domain.verification.code import judge_in
from openreason_dagster.domain.verification.registry import Comparison, judge_directly
from openreason_dagster.domain.verification.workers import Judged, Workers

KIND = "code"


class WorkersWithSandbox(Workers):
    """`Workers` that also judge code, as many programs at once as there are processes.

    Args:
        count: number of processes, and of sandboxes at once.
        timeout_seconds: wall time one comparison in a process may take.
        memory_megabytes: address space one process may have.
        open_sandbox: called when the first program has to run; raises SandboxError where there is no sandbox.
        limits: of each test of a program.
    """

    def __init__(
        self,
        *,
        count: int,
        timeout_seconds: float,
        memory_megabytes: int,
        open_sandbox: Callable[[], Sandbox],
        limits: Limits,
    ) -> None:
        super().__init__(count=count, timeout_seconds=timeout_seconds, memory_megabytes=memory_megabytes)
        self._open_sandbox = open_sandbox
        self._limits = limits
        self._sandbox: Sandbox | None = None

    def judge(self, items: Iterable[Comparison]) -> Iterator[Judged]:
        """Yield each comparison once with its judgement; those of code come last and are all held until then.

        Raises:
            SandboxError: a program has to run and no sandbox can be used. Nothing is run then.
            VerificationError: a kind is unknown, or workers cannot start.
        """
        programs: list[Comparison] = []
        yield from super().judge(self._without_programs(items, programs))
        if programs:
            yield from self._run(programs)

    def _without_programs(self, items: Iterable[Comparison], programs: list[Comparison]) -> Iterator[Comparison]:
        for item in items:
            if item.kind == KIND and judge_directly(item) is None:
                programs.append(item)
            else:
                yield item

    def _run(self, programs: list[Comparison]) -> Iterator[Judged]:
        self._sandbox = self._sandbox or self._open_sandbox()
        pool = ThreadPoolExecutor(self.count, thread_name_prefix="sandbox")
        try:
            futures = {pool.submit(_judge, self._sandbox, self._limits, item): item for item in programs}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _judge(sandbox: Sandbox, limits: Limits, item: Comparison) -> Judgement:
    started = time.perf_counter()
    try:
        judgement = judge_in(sandbox, limits, json.loads(item.spec_json), item.answer)
    except OpenReasonError:
        raise
    except Exception as error:  # noqa: BLE001 - one hostile answer must not end the others; it becomes a verdict
        judgement = Judgement(
            verdict=Verdict.ERROR,
            extracted_answer=None,
            method="code/exception",
            message=f"{type(error).__name__}: {str(error)[:300]}",
            milliseconds=0.0,
        )
    return replace(judgement, milliseconds=1000 * (time.perf_counter() - started))
