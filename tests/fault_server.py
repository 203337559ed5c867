"""A real chat and text completions server on loopback that fails by a schedule.

What happens to a request's n-th attempt depends on the schedule's seed, the request and n alone, so a test can say
exactly what must come out of any number of concurrent requests.
"""

import asyncio
import hashlib
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

ERRORS = {
    "http_400": "http_400",
    "http_429": "http_429",
    "http_500": "http_500",
    "http_503": "http_503",
    "hang": "timeout",
    "truncated_json": "malformed_reply",
    "wrong_type": "malformed_reply",
    "empty_choices": "empty_choices",
    "reset": "connection_lost",
    "cut_body": "connection_lost",
}
"""Failure class that each fault of a request for one sample must be reported as."""
HARMLESS = {"too_many_choices", "slow_bytes"}
PUT_OFF = {"http_429", "http_503"}
RATES = {
    "http_429": 0.03,
    "http_500": 0.06,
    "http_503": 0.01,
    "http_400": 0.01,
    "hang": 0.0005,
    "truncated_json": 0.05,
    "wrong_type": 0.03,
    "empty_choices": 0.05,
    "too_few_choices": 0.0,
    "too_many_choices": 0.04,
    "slow_bytes": 0.02,
    "reset": 0.05,
    "cut_body": 0.03,
}


def planned_fault(seed: int, prompt: str, attempt: int, rates: Mapping[str, float] = RATES) -> str | None:
    """What goes wrong with an attempt, counted from 1; None if nothing does."""
    drawn = random.Random(f"{seed}/{prompt}/{attempt}").random()
    for fault, rate in rates.items():
        if drawn < rate:
            return fault
        drawn -= rate
    return None


def text_for(prompt: str, seed: object) -> str:
    """The completion of a prompt."""
    return f"<think>{prompt}</think>{hashlib.sha256(f'{prompt}/{seed}'.encode()).hexdigest()}"


class FaultServer:
    """Serves on a free port while entered, from an event loop in a thread of its own."""

    def __init__(
        self,
        *,
        seed: int = 0,
        rates: Mapping[str, float] = RATES,
        script: Sequence[str | None] | None = None,
        reply: Mapping[str, Any] | bytes | Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
        retry_after: str | None = "0",
        closes_after: int | None = None,
        seconds: float = 0.0,
        most_choices: int = 1_000,
        most_at_once: int = 1_000,
    ) -> None:
        """Set how the server behaves.

        Args:
            seed: Of the faults.
            rates: Of each fault.
            script: Faults of every prompt's attempts, instead of drawn ones.
            reply: Replaces a good reply; a function makes it of the request.
            retry_after: Header of HTTP 429.
            closes_after: Requests after which nobody listens any more.
            seconds: Before each good reply.
            most_choices: A reply has no more; 1 is a server that knows no `n`.
            most_at_once: Requests beyond this are refused with HTTP 429.
        """
        self.seed, self.rates, self.script, self.reply = seed, rates, script, reply
        self.retry_after, self.closes_after, self.seconds = retry_after, closes_after, seconds
        self.most_choices, self.most_at_once = most_choices, most_at_once
        self.attempts: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []
        self.authorizations: set[str | None] = set()
        self.in_flight = self.most_in_flight = 0
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._connections: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """Address up to and including /v1."""
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        self._port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._in_loop(self._listen(self._socket))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.die()
        self._in_loop(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def die(self) -> None:
        """Break all connections and listen no more."""
        self._in_loop(self._die())

    def revive(self) -> None:
        """Listen again on the same port."""
        self._in_loop(self._listen(socket.create_server(("127.0.0.1", self._port), backlog=512)))

    def _in_loop(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        self._socket = listening
        self._loop.add_reader(listening, self._accept)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            connection, _ = self._socket.accept()
            connection.setblocking(False)
            self._connections.add(connection)
            task = self._loop.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _die(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
        self._socket.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    async def _cancel_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self._connections:
            connection.close()

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            while not writer.is_closing():
                method, headers = await _read_head(reader)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.authorizations.add(headers.get("authorization"))
                if method == "GET":
                    await _send(writer, 200, {"object": "list", "data": []})
                else:
                    await self._respond(writer, json.loads(body), headers.get("authorization"))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # clients that hang up are part of the test
        finally:
            self._connections.discard(connection)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _respond(self, writer: asyncio.StreamWriter, request: dict[str, Any], authorization: str | None) -> None:
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.in_flight > self.most_at_once:
                fault: str | None = "http_429"
            else:
                fault = self._fault(_prompt(request))
            if self.closes_after is not None and len(self.requests) > self.closes_after:
                await self._die()
            elif fault is not None and fault.startswith("http_"):
                message = {"error": f"{fault} for {authorization}"}
                await _send(writer, int(fault.removeprefix("http_")), message, retry_after=self.retry_after)
            else:
                await asyncio.sleep(self.seconds)
                await self._reply(writer, request, fault)
        finally:
            self.in_flight -= 1

    async def _reply(self, writer: asyncio.StreamWriter, request: dict[str, Any], fault: str | None) -> None:
        wanted = min(request.get("n", 1), self.most_choices)
        wanted += {"too_few_choices": -1, "too_many_choices": 1, "empty_choices": -wanted}.get(fault or "", 0)
        scripted = self.reply(request) if callable(self.reply) else self.reply
        body = _json(scripted or good_reply(request, wanted))
        match fault:
            case "hang":
                await asyncio.sleep(60)
            case "reset":
                _hang_up(writer)
            case "cut_body":
                writer.write(_head(200, len(body) + 9) + body)
                await writer.drain()
                _hang_up(writer)
            case "truncated_json":
                await _send(writer, 200, body[:-20])
            case "wrong_type":
                await _send(writer, 200, {"choices": [{"message": {"content": 7}, "text": 7, "finish_reason": "stop"}]})
            case "slow_bytes":
                await _drip(writer, _head(200, len(body)) + body)
            case _:
                await _send(writer, 200, body)

    def _fault(self, prompt: str) -> str | None:
        """Count an attempt of a prompt and say what goes wrong with it."""
        self.attempts[prompt] += 1
        attempt = self.attempts[prompt]
        if self.script is not None:
            return self.script[attempt - 1] if attempt <= len(self.script) else None
        return planned_fault(self.seed, prompt, attempt, self.rates)


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first.split(" ")[0], {name.lower(): value.strip() for name, _, value in pairs}


def _prompt(request: dict[str, Any]) -> str:
    return request["prompt"] if "prompt" in request else request["messages"][-1]["content"]


def _json(reply: Mapping[str, Any] | bytes) -> bytes:
    return reply if isinstance(reply, bytes) else json.dumps(reply).encode()


def _head(status: int, length: int, retry_after: str | None = None) -> bytes:
    wait = f"Retry-After: {retry_after}\r\n" if status == 429 and retry_after is not None else ""
    return f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{wait}Content-Length: {length}\r\n\r\n".encode()


async def _send(
    writer: asyncio.StreamWriter, status: int, reply: Mapping[str, Any] | bytes, *, retry_after: str | None = None
) -> None:
    body = _json(reply)
    writer.write(_head(status, len(body), retry_after) + body)
    await writer.drain()


async def _drip(writer: asyncio.StreamWriter, content: bytes) -> None:
    step = len(content) // 5 + 1
    for start in range(0, len(content), step):
        writer.write(content[start : start + step])
        await writer.drain()
        await asyncio.sleep(0.005)


def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    connection = writer.get_extra_info("socket")
    if not writer.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def good_reply(request: dict[str, Any], count: int) -> dict[str, Any]:
    """Samples for a request: the first depends on prompt and seed alone, each further one on its place too."""
    prompt, seed = _prompt(request), request.get("seed")
    texts = [text_for(prompt, f"{seed}/{index}" if index else seed) for index in range(count)]
    written = [
        {"text": text} if "prompt" in request else {"message": {"role": "assistant", "content": text}} for text in texts
    ]
    return {
        "choices": [choice | {"index": index, "finish_reason": "stop"} for index, choice in enumerate(written)],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7 * count},
    }
