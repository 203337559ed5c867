"""A real model behind a real `vllm serve`: an embedded model on a free port, on the processor."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

START_SECONDS = 280
STOP_SECONDS = 20
SERVED_MODEL = "starter"


class VllmServer:
    """Serves one model folder while entered; `log` says what the server had to say."""

    def __init__(self, model: Path, log: Path) -> None:
        self.model, self.log = model, log
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    @property
    def base_url(self) -> str:
        """Address up to and including /v1."""
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        model = ["--served-model-name", SERVED_MODEL, "--dtype", "float32", "--max-num-seqs", "16"]
        options = ["--enforce-eager", "--reasoning-parser", "deepseek_r1", "--disable-uvicorn-access-log"]
        server = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]  # what `vllm serve` runs
        command = [*server, "--model", str(self.model), *address, *model, *options]
        environment = os.environ | {
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "TORCH_COMPILE_DISABLE": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True, cwd=self.log.parent
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"vLLM does not answer:\n{self.log.read_text(encoding='utf-8')[-4000:]}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _stop(self) -> None:
        """End the server and the engine processes it started: all are of its process group."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
