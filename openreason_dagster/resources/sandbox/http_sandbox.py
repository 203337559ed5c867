"""What sandboxes behind HTTP have in common: asking a server, again where it was busy, and giving up with a reason."""

import http.client
import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

from openreason_dagster.domain.errors import SandboxError
from openreason_dagster.domain.sandbox import Limits

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5
SLACK_SECONDS = 60.0
"""What a server may take besides the time limits of what it runs: waiting in its queue, starting, compiling."""
COMPILE_SECONDS = 60.0
LONGEST_REPLY_BYTES = 100_000_000
_NOT_REACHED = (urllib.error.URLError, OSError, http.client.HTTPException)


class HttpSandbox:
    """A client of one server; any number of threads may use it.

    Args:
        url: base URL of the server, http or https.
        kind: name of its API, for messages.
    """

    def __init__(self, url: str, kind: str) -> None:
        self.url = url.rstrip("/")
        self.kind = kind

    @property
    def description(self) -> str:
        """API and URL."""
        return f"{self.kind} at {self.url}"

    def ask(self, path: str, body: dict[str, Any], limits: Limits) -> dict[str, Any] | str:
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
                return _json_object(_post(f"{self.url}{path}", body, seconds))
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
