"""`openreason ui`: Dagster's web server, daemon and code location over the same root."""

import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from dotenv import dotenv_values
from rich.console import Console

from openreason_dagster.commands.dagster_home import dagster_instance, fail_lost_runs, prepare_home, wait_for_silence
from openreason_dagster.domain.errors import OpenReasonError
from openreason_dagster.domain.recipe_checks import load_recipe
from openreason_dagster.resources.settings import Settings


def serve(settings: Settings, console: Console, *, host: str, port: int) -> None:
    """Replace this process by `dagster dev`; Ctrl-C or SIGTERM stops it.

    Raises:
        OpenReasonError: the recipe cannot be used, the root has a web UI already, or the port is taken.
    """
    load_recipe(settings.recipe)  # Dagster would serve on, and show the error in a log
    with _lock(prepare_home(settings) / "ui.lock"):
        _require_free(host, port)
        with dagster_instance(settings) as instance:
            wait_for_silence(instance, console)
            lost = fail_lost_runs(instance)
        if lost:
            console.print(f"{lost} runs had lost their process and are marked as failed; run them again in the web UI.")
        console.print(f"Web UI on http://{host}:{port} (stop with Ctrl-C)")
        _become_dagster(settings, host, port=port)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process hold the file; the lock stays when the process becomes another one, and goes when that ends.

    Two web UIs over one root would launch everything twice.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OpenReasonError(
                f"a web UI over {str(path.parent.parent)!r} is running already: it holds {str(path)!r}. Use that one, "
                "or stop it first; another root is chosen by the environment variable OPENREASON_ROOT."
            ) from error
        fcntl.fcntl(file, fcntl.F_SETFD, 0)  # kept open across execve
        yield


def _become_dagster(settings: Settings, host: str, *, port: int) -> NoReturn:
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-m",
        "openreason_dagster.definitions",
        "-h",
        host,
        "-p",
        str(port),
    ]
    variables = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    os.chdir(settings.dagster_home)  # where no .env lies: Dagster would let it override the environment
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a script's `&` ignores it, and Dagster would then ignore SIGTERM too
    os.execve(sys.executable, command, variables | dict(os.environ) | settings.variables)  # noqa: S606 - no shell


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OpenReasonError(
                f"port {port} on {host} cannot be used: {error}. The web UI may be running already; otherwise choose "
                "another port with --port."
            ) from error
