"""A real chat completions server on loopback that fails by a schedule.

What happens to a request's n-th attempt depends on the schedule's seed, the request and n alone, so a test can say
exactly what must come out of any number of concurrent requests.
"""

import hashlib
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
"""Failure class that each fault must be reported as."""
RATES = {
    "http_429": 0.06,
    "http_500": 0.06,
    "http_503": 0.03,
    "http_400": 0.01,
    "hang": 0.004,
    "truncated_json": 0.05,
    "wrong_type": 0.03,
    "empty_choices": 0.05,
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
    """Serves on a free port while entered."""

    def __init__(
        self,
        *,
        seed: int = 0,
        rates: Mapping[str, float] = RATES,
        script: Sequence[str | None] | None = None,
        reply: Mapping[str, Any] | bytes | None = None,
        retry_after: str = "0",
        closes_after: int | None = None,
    ) -> None:
        """`script` gives the faults of every request's attempts instead of the seed; `reply` replaces a good reply."""
        self.seed, self.rates, self.script, self.reply = seed, rates, script, reply
        self.retry_after, self.closes_after = retry_after, closes_after
        self.attempts: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []
        self.authorizations: set[str | None] = set()
        self.in_flight = self.most_in_flight = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.faults = self

    @property
    def base_url(self) -> str:
        """Address up to and including /v1."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, prompt: str) -> str | None:
        """Count an attempt of a prompt and say what goes wrong with it."""
        with self.lock:
            self.attempts[prompt] += 1
            attempt = self.attempts[prompt]
        if self.closes_after is not None and sum(self.attempts.values()) > self.closes_after:
            return "reset"
        if self.script is not None:
            return self.script[attempt - 1] if attempt <= len(self.script) else None
        return planned_fault(self.seed, prompt, attempt, self.rates)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    faults: FaultServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
        """Stay silent."""

    def do_GET(self) -> None:
        self.server.faults.authorizations.add(self.headers["Authorization"])
        self._send(200, {"object": "list", "data": []})

    def do_POST(self) -> None:
        faults = self.server.faults
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with faults.lock:
            faults.requests.append(request)
            faults.in_flight += 1
            faults.most_in_flight = max(faults.most_in_flight, faults.in_flight)
        try:
            self._respond(faults.fault(request["messages"][-1]["content"]), request)
        finally:
            with faults.lock:
                faults.in_flight -= 1

    def _respond(self, fault: str | None, request: dict[str, Any]) -> None:
        faults = self.server.faults
        good = faults.reply or _good_reply(request)
        if fault == "hang":
            faults.closing.wait(30)
            self.close_connection = True
        elif fault == "reset":
            self._hang_up()
        elif fault == "cut_body":
            self._headers(200, 10_000)
            self.wfile.write(b'{"choices": [')
            self._hang_up()
        elif fault == "truncated_json":
            self._send(200, json.dumps(good).encode()[:-20])
        elif fault == "wrong_type":
            self._send(200, {"choices": [{"message": {"content": 7}, "finish_reason": "stop"}]})
        elif fault == "empty_choices":
            self._send(200, {"choices": []})
        elif fault is not None:
            self._send(int(fault.removeprefix("http_")), {"error": f"{fault} for {self.headers['Authorization']}"})
        else:
            self._send(200, good)

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _headers(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        if status == 429:
            self.send_header("Retry-After", self.server.faults.retry_after)
        self.end_headers()

    def _send(self, status: int, reply: Mapping[str, Any] | bytes) -> None:
        body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self._headers(status, len(body))
        self.wfile.write(body)


def _good_reply(request: dict[str, Any]) -> dict[str, Any]:
    text = text_for(request["messages"][-1]["content"], request.get("seed"))
    return {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7},
    }
