"""A real model behind a real chat completions API: `transformers serve` with an embedded model, on a free port."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

START_SECONDS = 120


class ChatServer:
    """Serves one model folder while entered; `log` says what the server had to say."""

    def __init__(self, model: Path, folder: Path) -> None:
        self.model = str(model)
        self.log = folder / "server.log"
        self._home = folder / "huggingface"
        (self._home / "hub").mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    @property
    def base_url(self) -> str:
        """Address up to and including /v1."""
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        command = [str(Path(sys.executable).with_name("transformers")), "serve", self.model]
        options = ["--host", "127.0.0.1", "--port", str(self._port), "--device", "cpu"]
        environment = os.environ | {"HF_HOME": str(self._home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log)
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
                raise RuntimeError(f"the server does not answer:\n{self.log.read_text(encoding='utf-8')}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
