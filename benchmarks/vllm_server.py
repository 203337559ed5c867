"""A vLLM server on this machine's processor, and what it counts itself: samples finished, tokens generated."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from benchmarks.request_log import FILE_VARIABLE, RequestLog

REPOSITORY = Path(__file__).parents[1]
SERVED_MODEL = "starter"
SEATS = 64
"""Sequences that are decoded together."""
_START_SECONDS, _IDLE_SECONDS = 600, 120


@dataclass(frozen=True)
class Counts:
    """What the server has done since its start."""

    samples: int
    """Completions that came to their end; each of the `n` of one HTTP request counts."""
    tokens: int

    def __sub__(self, earlier: "Counts") -> "Counts":
        return Counts(self.samples - earlier.samples, self.tokens - earlier.tokens)


class VllmServer:
    """Serves one model folder while entered."""

    def __init__(self, model: Path, folder: Path) -> None:
        self._model, self._log, self._requests = model, folder / "server.log", folder / "requests.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = f"http://127.0.0.1:{probe.getsockname()[1]}"

    @property
    def base_url(self) -> str:
        """Address up to and including /v1."""
        return f"{self._address}/v1"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(), env=self._environment(), stdout=log, stderr=log, start_new_session=True, cwd=REPOSITORY
            )
        try:
            self._wait_until_ready()
            self._warm_up()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def counts(self) -> Counts:
        """What it has done so far."""
        values = self._metrics()
        samples = sum(values.get(f"vllm:request_success_total/{reason}", 0.0) for reason in ("stop", "length"))
        return Counts(int(samples), int(values["vllm:generation_tokens_total"]))

    def first_request_since(self, moment: float) -> float | None:
        """When the first request for completions arrived that came after `moment`, both in seconds since the epoch."""
        arrivals = map(float, self._requests.read_text().split())
        return next((arrival for arrival in arrivals if arrival >= moment), None)

    def last_request(self) -> float:
        """When the last request for completions arrived, in seconds since the epoch."""
        return self._requests.stat().st_mtime

    def is_idle(self) -> bool:
        """Whether it has nothing to answer."""
        values = self._metrics()
        return values["vllm:num_requests_running"] + values["vllm:num_requests_waiting"] == 0

    def wait_until_idle(self) -> None:
        """Requests whose client is gone are given up first."""
        deadline = time.monotonic() + _IDLE_SECONDS
        while not self.is_idle():
            if time.monotonic() > deadline:
                sys.exit("the server goes on with requests whose client has gone")
            time.sleep(0.2)

    def _command(self) -> list[str]:
        server = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        model = ["--model", str(self._model), "--served-model-name", SERVED_MODEL, "--dtype", "float32"]
        engine = ["--enforce-eager", "--max-num-seqs", str(SEATS), "--no-enable-chunked-prefill"]
        address = ["--host", "127.0.0.1", "--port", self._address.rpartition(":")[2], "--disable-uvicorn-access-log"]
        return [*server, *model, *engine, *address, "--middleware", f"{RequestLog.__module__}.{RequestLog.__name__}"]

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            FILE_VARIABLE: str(self._requests),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
        }

    def _metrics(self) -> dict[str, float]:
        """Values by name; those by reason of finishing have the reason after a slash."""
        values = {}
        for line in httpx.get(f"{self._address}/metrics", timeout=60).text.splitlines():
            if line.startswith("#"):
                continue
            name, _, labels = line.rpartition(" ")[0].partition("{")
            reason = labels.partition('finished_reason="')[2].partition('"')[0]
            values[f"{name}/{reason}" if reason else name] = float(line.rpartition(" ")[2])
        return values

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the vLLM server does not answer:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self._address}/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _warm_up(self) -> None:
        body = {"model": SERVED_MODEL, "messages": [{"role": "user", "content": "What is 1 + 1?"}], "n": SEATS}
        for _ in range(3):
            httpx.post(
                f"{self.base_url}/chat/completions", json=body | {"max_tokens": 64}, timeout=300
            ).raise_for_status()

    def _stop(self) -> None:
        """End the server and the engine processes it started: all are of its process group."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
