"""A Ray cluster: joined at its address, or started on this machine."""

import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from openreason_dagster.domain.errors import EngineError, OpenReasonError
from openreason_dagster.resources.default_variables import default_variables

_LOCAL = "local"
_GREETING_SECONDS = 10.0
_VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Its processes do the work of a run: at Ray's own niceness of 15 they starve beside any other busy process.
    "RAY_worker_niceness": "0",
    # An engine process must not outlive the worker that started it: it would keep its memory.
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
}


class RayCluster:
    """Joined for as long as it is entered, which may be more than once at a time.

    A cluster that this process has joined before is used and left as it is.

    Args:
        address: As `ray.init` takes it, e.g. `10.0.0.5:6379` or `auto`; `local` or None starts a cluster here.
    """

    def __init__(self, address: str | None = None) -> None:
        self.address = address or _LOCAL
        self._entered: list[ExitStack] = []

    @property
    def is_local(self) -> bool:
        """Whether all of its replicas share this machine."""
        return self.address == _LOCAL

    def __enter__(self) -> Self:
        import ray

        with ExitStack() as stack:
            stack.enter_context(_quiet_data_sets())
            if not ray.is_initialized():
                self._join()
                stack.callback(ray.shutdown)
            self._entered.append(stack.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.pop().close()

    def _join(self) -> None:
        import ray

        # A cluster that is there already has settings of its own, and refuses these.
        own = {"include_dashboard": False} if self.is_local else {}
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


def require_ray(key: str, error: type[OpenReasonError]) -> None:
    """Raise the error if a recipe's key asks for Ray, which is not installed."""
    if find_spec("ray") is None:
        raise error(
            f"recipe key `{key}` is ray, but the package ray is not installed. Install the extra: "
            "pip install 'openreason-dagster[ray]', or set it to local."
        )


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


@contextmanager
def _quiet_data_sets() -> Iterator[None]:
    """Keep Ray Data's progress off the terminal, which shows our own; its log file in the session's folder has all."""
    import ray.data  # noqa: F401 - sets its loggers up

    consoles = [each for each in logging.getLogger("ray.data").handlers if isinstance(each, logging.StreamHandler)]
    levels: dict[logging.Handler | logging.Logger, int] = dict.fromkeys(consoles, logging.WARNING)
    levels[logging.getLogger("ray.data._internal.progress")] = logging.ERROR  # warns that there are no progress bars
    before = {each: each.level for each in levels}
    for each, level in levels.items():
        each.setLevel(level)
    try:
        yield
    finally:
        for each, level in before.items():
            each.setLevel(level)
