"""One request to an OpenAI-compatible server, tried until it is answered or given up."""

import asyncio
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.unicode_text import well_formed
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_reply import AttemptFailure, ChatReply, read_reply

RETRIED_STATUSES = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
REMEDIES = {
    HTTPStatus.UNAUTHORIZED: "The server wants another API key: set `api_key` in the catalogue file, best as ${NAME}.",
    HTTPStatus.FORBIDDEN: "The API key may not use this model: ask for access, or set another `api_key`.",
    HTTPStatus.NOT_FOUND: "Check that `base_url` ends in `/v1` and that the server has a model named `served_model`.",
}
MESSAGE_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a server is waited for."""

    backoff_seconds: float = 1.0
    """Wait before the second attempt; doubles with each further one, times a random factor of 0.5 to 1."""
    longest_wait_seconds: float = 60.0
    """No wait is longer, whatever the server asks for."""
    lost_connections: int = 32
    """As many lost connections in a row mean that the server is gone."""
    reply_bytes: int = 64 * 2**20
    """A longer reply is refused."""


class ChatClient:
    """Asks one server. It is made and used within one event loop."""

    def __init__(self, model: OpenAIModel, patience: Patience) -> None:
        self._model = model
        self._patience = patience
        self._address = public_address(model)
        self._base_url = model.base_url.rstrip("/")
        self._lost_in_a_row = 0
        self._random = random.Random(model.name)  # noqa: S311 - spreads retries, hides nothing
        self._http = httpx.AsyncClient(
            headers=_headers(model),
            timeout=model.timeout_seconds,
            limits=httpx.Limits(max_connections=model.concurrency, max_keepalive_connections=model.concurrency),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def greet(self) -> None:
        """Check that a server answers at all and takes the key.

        Raises:
            EngineError: nothing answers, or the server refuses the key.
        """
        try:
            response = await self._http.get(f"{self._base_url}/models")
        except httpx.HTTPError as error:
            raise EngineError(
                f"model {self._model.name!r}: no server answers at {self._address} "
                f"({self._shown(repr(error))}). Start the server, or correct `base_url` in the catalogue file."
            ) from None
        if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise self._refused(response.status_code)

    async def answer(self, request: Request) -> Completion | Failure:
        """Try until there is a completion, a failure that another attempt cannot mend, or no attempt left.

        Raises:
            EngineError: the server refuses whatever we ask, or is gone.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return _completion(request, await self._attempt(request), attempt)
            except AttemptFailure as failure:
                if failure.is_final or attempt == self._model.max_attempts:
                    message = self._shown(failure.message)
                    return Failure(request=request, error=failure.error, message=message, attempts=attempt)
                wait = self._wait(failure, attempt)
            await asyncio.sleep(wait)

    async def _attempt(self, request: Request) -> ChatReply:
        try:
            async with asyncio.timeout(self._model.timeout_seconds):
                status, headers, body = await self._post(request)
        except (TimeoutError, httpx.TimeoutException):
            message = f"No complete reply within {self._model.timeout_seconds:g} seconds."
            raise AttemptFailure("timeout", message) from None
        except httpx.HTTPError as error:
            raise self._lost(error) from None
        self._lost_in_a_row = 0
        if status == HTTPStatus.OK:
            return read_reply(body)
        if status in REMEDIES:
            raise self._refused(status)
        raise AttemptFailure(
            f"http_{status}",
            body.decode("utf-8", "replace"),
            is_final=status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in RETRIED_STATUSES,
            retry_after=_retry_after(headers),
        )

    async def _post(self, request: Request) -> tuple[int, httpx.Headers, bytes]:
        body = bytearray()
        async with self._http.stream(
            "POST", f"{self._base_url}/chat/completions", json=_payload(request, self._model)
        ) as response:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > self._patience.reply_bytes:
                    limit = self._patience.reply_bytes
                    raise AttemptFailure("malformed_reply", f"The reply is longer than {limit} bytes.", is_final=True)
            return response.status_code, response.headers, bytes(body)

    def _lost(self, error: httpx.HTTPError) -> AttemptFailure | EngineError:
        self._lost_in_a_row += 1
        if self._lost_in_a_row < self._patience.lost_connections:
            return AttemptFailure("connection_lost", repr(error))
        return EngineError(
            f"model {self._model.name!r}: {self._lost_in_a_row} connections in a row to {self._address} "
            f"were lost ({self._shown(repr(error))}). Start the server again and run again: finished work is kept."
        )

    def _refused(self, status: int) -> EngineError:
        return EngineError(
            f"model {self._model.name!r}: {self._address} answered HTTP {status} when asked for "
            f"{self._model.served_model!r}. {REMEDIES[HTTPStatus(status)]}"
        )

    def _wait(self, failure: AttemptFailure, attempt: int) -> float:
        """Seconds before the next attempt: what the server asked for, or exponential back-off with jitter."""
        backoff = self._patience.backoff_seconds * 2 ** (attempt - 1) * self._random.uniform(0.5, 1.0)
        wanted = backoff if failure.retry_after is None else failure.retry_after
        return min(wanted, self._patience.longest_wait_seconds)

    def _shown(self, text: str) -> str:
        """Foreign text fit to be stored: without the API key, well-formed and short."""
        if self._model.api_key:
            text = text.replace(self._model.api_key.strip(), "[api key]")
        return well_formed(text)[:MESSAGE_CHARACTERS]


def public_address(model: OpenAIModel) -> str:
    """The server's address without user, password and query, which may be secret."""
    try:
        url = httpx.URL(model.base_url)
    except httpx.InvalidURL:
        raise EngineError(
            f"model {model.name!r}: `base_url` is not an address; expected e.g. http://localhost:8000/v1. Correct it."
        ) from None
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _headers(model: OpenAIModel) -> dict[str, str]:
    key = (model.api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise EngineError(
            f"model {model.name!r}: `api_key` holds characters that no HTTP header can carry. Copy the key again."
        )
    return {"Authorization": f"Bearer {key}"} if key else {}


def _payload(request: Request, model: OpenAIModel) -> dict[str, Any]:
    parameters = request.parameters
    payload: dict[str, Any] = {
        "model": model.served_model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "max_tokens": parameters.max_tokens,
    }
    if parameters.top_k is not None:
        payload["top_k"] = parameters.top_k
    if parameters.stop:
        payload["stop"] = list(parameters.stop)
    if model.sends_seed == "yes":
        payload["seed"] = request.seed
    return payload


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date; None when absent or unreadable."""
    value = headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _completion(request: Request, reply: ChatReply, attempts: int) -> Completion:
    return Completion(
        request=request,
        text=reply.text,
        reasoning=reply.reasoning,
        finish_reason=reply.finish_reason,
        opened_think=False,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        attempts=attempts,
    )
