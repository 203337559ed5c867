"""What sandboxes behind HTTP have in common: one request per run, again where the server was busy, or a reason."""

import http.client
import json
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from openreason_dagster.domain.errors import SandboxError
from openreason_dagster.domain.sandbox import Limits, Outcome, Program, Status

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5
SLACK_SECONDS = 60.0
"""What a server may take besides the time limits of what it runs: waiting in its queue, starting, compiling."""
COMPILE_SECONDS = 60.0
LONGEST_REPLY_BYTES = 100_000_000
_NOT_REACHED = (urllib.error.URLError, OSError, http.client.HTTPException)


class HttpSandbox(ABC):
    """A server that compiles and runs one program per request; any number of threads may use it.

    Args:
        url: base URL of the server, http or https.
    """

    kind: ClassVar[str]
    """Name of its API, for messages."""
    run_path: ClassVar[str]
    """Where it takes programs."""
    languages: ClassVar[Collection[str]]
    """Those it can run, by our names."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    @abstractmethod
    def request(self, program: Program, stdin: str, limits: Limits) -> dict[str, Any]:
        """What the server is asked to run."""

    @abstractmethod
    def outcome(self, said: dict[str, Any], limits: Limits) -> Outcome:
        """What the server's reply tells of the run."""

    @property
    def description(self) -> str:
        """API and URL."""
        return f"{self.kind} at {self.url}"

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> Iterator[Outcome]:
        """As `Sandbox.run` says; the server compiles anew for each input."""
        if program.language not in self.languages:
            yield Outcome(status=Status.NO_TOOLCHAIN, message=f"{self.kind} has no language {program.language}")
            return
        for stdin in inputs:
            said = self._ask(self.request(program, stdin.decode(errors="replace"), limits), limits)
            if isinstance(said, str):
                outcome = Outcome(status=Status.FAILED, message=said)
            else:
                outcome = self.outcome(said, limits)
            yield outcome
            if outcome.status is Status.COMPILE_FAILED:
                return

    def _ask(self, body: dict[str, Any], limits: Limits) -> dict[str, Any] | str:
        """The server's JSON object, or why it could not run the program although it answers.

        Raises:
            SandboxError: the server cannot be reached, or refuses every such request.
        """
        failure = ""
        seconds = limits.wall_seconds + COMPILE_SECONDS + SLACK_SECONDS
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                return _json_object(_post(f"{self.url}{self.run_path}", body, seconds))
            except urllib.error.HTTPError as error:
                failure = f"HTTP {error.code}: {error.read(300).decode(errors='replace')}"
                if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                    return failure
                if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code != HTTPStatus.TOO_MANY_REQUESTS:
                    break
            except _NOT_REACHED as error:
                failure = f"{type(error).__name__}: {error}"
        raise SandboxError(
            f"{self.description} runs no program: {failure}. Check the server and its limits, or set "
            "OPENREASON_SANDBOX to bubblewrap. Run again: batches that were finished are kept."
        )


def answers(url: str, path: str) -> bool:
    """Whether a server answers a GET at the path with success."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}{path}", timeout=10.0) as reply:  # noqa: S310 - the user's URL
            return bool(reply.status == HTTPStatus.OK)
    except _NOT_REACHED:
        return False


def _post(url: str, body: dict[str, Any], seconds: float) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - the user's URL
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=seconds) as reply:  # noqa: S310 - the user's URL
        data: bytes = reply.read(LONGEST_REPLY_BYTES)
        return data


def _json_object(data: bytes) -> dict[str, Any] | str:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return f"the server's reply is no JSON: {data[:100]!r}"
    return said if isinstance(said, dict) else f"the server's reply is no object: {data[:100]!r}"
