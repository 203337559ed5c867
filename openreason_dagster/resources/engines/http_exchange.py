"""One HTTP exchange with an OpenAI-compatible server: what came back, or why nothing did."""

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.chat_reply import AttemptFailure

CONNECT_SECONDS = 30.0
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout)


@dataclass(frozen=True)
class HttpReply:
    """A complete reply of whatever status."""

    status: int
    body: bytes
    retry_after: float | None
    """Seconds the server asked to wait."""


class ConnectionFailure(AttemptFailure):
    """Nothing complete came back, so the server itself may be at fault."""


class HttpExchange:
    """Keeps connections to the servers of one model open. It is made and used within one event loop.

    Each place in flight has a client of its own with a single connection, because a client with many looks through all
    of them for every request.
    """

    def __init__(self, model: OpenAIModel, *, reply_bytes: int) -> None:
        self._seconds = model.timeout_seconds
        self._reply_bytes = reply_bytes
        self._headers = _headers(model)
        self._certificates = httpx.create_ssl_context()
        self._clients: list[httpx.AsyncClient] = []
        self._idle: defaultdict[str, list[httpx.AsyncClient]] = defaultdict(list)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(client.aclose() for client in self._clients))

    async def get(self, base_url: str, path: str) -> HttpReply:
        """Read what lies at a path below the base URL, within 30 seconds; raises as `post` does."""
        return await self._send("GET", base_url, path, body=None, seconds=min(self._seconds, CONNECT_SECONDS))

    async def post(self, base_url: str, path: str, body: dict[str, Any]) -> HttpReply:
        """Send JSON to a path below the base URL and read the reply to its end, within `timeout_seconds`.

        Raises:
            ConnectionFailure: `timeout`, or `connection_lost`; not counted when nobody took the connection.
            AttemptFailure: the reply is too long.
        """
        return await self._send("POST", base_url, path, body=body, seconds=self._seconds)

    async def _send(
        self, method: str, base_url: str, path: str, *, body: dict[str, Any] | None, seconds: float
    ) -> HttpReply:
        idle = self._idle[base_url]
        client = idle.pop() if idle else self._new_client()
        try:
            async with asyncio.timeout(seconds), client.stream(method, f"{base_url}/{path}", json=body) as response:
                return HttpReply(response.status_code, await self._read(response), _retry_after(response.headers))
        except NOT_REACHED as error:
            raise ConnectionFailure("connection_lost", repr(error), is_counted=False) from None
        except (TimeoutError, httpx.TimeoutException):
            raise ConnectionFailure("timeout", f"No complete reply within {seconds:g} seconds.") from None
        except httpx.HTTPError as error:
            raise ConnectionFailure("connection_lost", repr(error)) from None
        finally:
            idle.append(client)

    async def _read(self, response: httpx.Response) -> bytes:
        received = bytearray()
        async for part in response.aiter_bytes():
            received += part
            if len(received) > self._reply_bytes:
                message = f"The reply is longer than {self._reply_bytes} bytes."
                raise AttemptFailure("malformed_reply", message, is_final=True)
        return bytes(received)

    def _new_client(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            headers=self._headers,
            timeout=httpx.Timeout(self._seconds, connect=min(self._seconds, CONNECT_SECONDS)),
            limits=httpx.Limits(max_connections=1),
            verify=self._certificates,
        )
        self._clients.append(client)
        return client


def failed_status(reply: HttpReply) -> AttemptFailure:
    """Why a reply whose status is not 200 brings no completion; HTTP 429 and 503 only put the request off."""
    status = reply.status
    is_passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
    return AttemptFailure(
        f"http_{status}",
        reply.body.decode("utf-8", "replace"),
        is_final=not is_passing,
        is_counted=status not in _REFUSALS,
        retry_after=reply.retry_after,
    )


_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
_REFUSALS = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def _headers(model: OpenAIModel) -> dict[str, str]:
    key = (model.api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise EngineError(
            f"model {model.name!r}: `api_key` holds characters that no HTTP header can carry. Copy the key again."
        )
    return {"Authorization": f"Bearer {key}"} if key else {}


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date; None when absent or unreadable."""
    value = headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
