"""A Ray cluster: joined at its address, or started on this machine."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.default_variables import default_variables

_LOCAL = "local"
_GREETING_SECONDS = 10.0
_VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # An engine process must not outlive the worker that started it: it would keep its memory.
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
}


class RayCluster:
    """Joined for as long as it is entered. A cluster that this process has joined before is used and left as it is.

    Args:
        address: As `ray.init` takes it, e.g. `10.0.0.5:6379` or `auto`; `local` or None starts a cluster here.
    """

    def __init__(self, address: str | None = None) -> None:
        self.address = address or _LOCAL
        self._is_ours = False

    def __enter__(self) -> Self:
        import ray

        if not ray.is_initialized():
            self._join()
            self._is_ours = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import ray

        if self._is_ours:
            ray.shutdown()
        self._is_ours = False

    def _join(self) -> None:
        import ray

        # A cluster that is there already has settings of its own, and refuses these.
        own = {"include_dashboard": False} if self.address == _LOCAL else {}
        try:
            self._greet()
            with default_variables(_VARIABLES), own_signals():
                ray.init(address=self.address, log_to_driver=False, logging_level="ERROR", **own)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise EngineError(
                f"Ray cluster {self.address!r}: cannot be joined ({error}). Start it with `ray start --head`, or "
                "correct OPENREASON_RAY_ADDRESS; without it a cluster is started on this machine."
            ) from error

    def _greet(self) -> None:
        """Find out in seconds what Ray would find out in minutes: that nothing listens at the address."""
        host, _, port = self.address.rpartition("/")[2].rpartition(":")
        if host and port.isdigit():
            socket.create_connection((host.strip("[]"), int(port)), timeout=_GREETING_SECONDS).close()


@contextmanager
def own_signals() -> Iterator[None]:
    """Keep what this process does with two signals that `ray.init` changes.

    When it is asked to end, Ray would have it end at once, ours commits first. When a child of it ends, Ray would have
    the child's exit code thrown away, which every `subprocess` of this process needs.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGCHLD)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
