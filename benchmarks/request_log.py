"""Notes when requests arrive at the benchmark's server; runs inside it as ASGI middleware."""

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FILE_VARIABLE = "OPENREASON_REQUEST_LOG"
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class RequestLog:
    """Appends the seconds since the epoch at which each completion was asked for, one line a request."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._file = open(os.environ[FILE_VARIABLE], "a", buffering=1)  # noqa: SIM115, PTH123 - as long as the server

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Note the request and hand it on."""
        if scope["type"] == "http" and str(scope["path"]).endswith("/completions"):
            self._file.write(f"{time.time()}\n")
        await self._app(scope, receive, send)
