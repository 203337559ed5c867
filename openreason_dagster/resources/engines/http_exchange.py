"""One HTTP exchange with an OpenAI-compatible server: what came back, or why nothing did."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.chat_reply import AttemptFailure
from openreason_dagster.resources.engines.replicas import base_urls

CONNECT_SECONDS = 30.0
NOT_REACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


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
    """Keeps connections to the servers of one model open. It is made and used within one event loop."""

    def __init__(self, model: OpenAIModel, *, reply_bytes: int) -> None:
        self._seconds = model.timeout_seconds
        self._reply_bytes = reply_bytes
        self._session = aiohttp.ClientSession(
            headers=_headers(model),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._proxies: dict[str, str | None] = {}

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

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
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        try:
            async with self._session.request(
                method,
                f"{base_url}/{path}",
                json=body,
                timeout=timeout,
                proxy=self._proxy(base_url),
                allow_redirects=False,
            ) as response:
                return HttpReply(response.status, await self._read(response), _retry_after(response.headers))
        except NOT_REACHED as error:
            raise ConnectionFailure("connection_lost", repr(error), is_counted=False) from None
        except TimeoutError:
            raise ConnectionFailure("timeout", f"No complete reply within {seconds:g} seconds.") from None
        except aiohttp.ClientError as error:
            raise ConnectionFailure("connection_lost", repr(error)) from None

    def _proxy(self, base_url: str) -> str | None:
        """The proxy that the environment names for a server; looked up once, because that takes longer than to ask."""
        if base_url not in self._proxies:
            url = URL(base_url)
            is_direct = proxy_bypass(url.host or "")
            self._proxies[base_url] = None if is_direct else getproxies().get(url.scheme)
        return self._proxies[base_url]

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        received = bytearray()
        async for part in response.content.iter_any():
            received += part
            if len(received) > self._reply_bytes:
                message = f"The reply is longer than {self._reply_bytes} bytes."
                raise AttemptFailure("malformed_reply", message, is_final=True)
        return bytes(received)


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
    if key and any(URL(base_url).user for base_url in base_urls(model)):
        raise EngineError(
            f"model {model.name!r}: `base_url` names a user and `api_key` is set, but a request can carry only one of "
            "them. Remove the other."
        )
    return {"Authorization": f"Bearer {key}"} if key else {}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date; None when absent or unreadable."""
    value = headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
