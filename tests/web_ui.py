"""Drives the real web UI: `openreason ui` as a process, its GraphQL endpoint, and a headless Chromium."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.sync_api import ConsoleMessage, Page, Request, expect, sync_playwright

from openreason_dagster.resources.settings import Settings
from tests.processes import command_of, is_running

_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.5
_PAGE_SECONDS = 60.0
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class WebUI:
    """A running web UI."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Answer of the GraphQL endpoint; AssertionError if it reports an error."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def wait_until(self, what: str, holds: Callable[[], bool], *, seconds: float) -> None:
        """Poll until `holds`; AssertionError with the last lines of the log after `seconds`."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, f"the web UI ended while waiting for: {what}\n{self._tail()}"
            assert time.monotonic() < deadline, f"after {seconds:g} s still waiting for: {what}\n{self._tail()}"
            time.sleep(_POLL_SECONDS)

    def runs(self) -> list[dict[str, Any]]:
        """Every run, newest first: runId, status, jobName, assets, tags."""
        query = """{ runsOrError { ... on Runs { results {
            runId status jobName tags { key value } assets { key { path } } } } } }"""
        rows = self.ask(query)["runsOrError"]["results"]
        for row in rows:
            row["tags"] = {tag["key"]: tag["value"] for tag in row["tags"]}
            row["assets"] = {asset["key"]["path"][-1] for asset in row["assets"]}
        return rows

    def last_materialised(self, asset: str) -> float:
        """When an asset was last materialised, in milliseconds since 1970; 0 if never."""
        query = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
            assetMaterializations(limit: 1) { timestamp } } } }"""
        events = self.ask(query, key={"path": [asset]})["assetOrError"].get("assetMaterializations", [])
        return float(events[0]["timestamp"]) if events else 0.0

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/server_info", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@contextmanager
def web_ui(settings: Settings, log: Path) -> Iterator[WebUI]:
    """`openreason ui` on a free port; the whole process tree is gone at the end, or AssertionError."""
    port = _free_port()
    command = [sys.executable, "-c", "from openreason_dagster.cli import main; main()", "ui", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | settings.variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    ui = WebUI(f"http://127.0.0.1:{port}", process, log)
    try:
        ui.wait_until("the web server to answer", ui._answers, seconds=180)
        yield ui
    finally:
        survivors = _stop(process)
    assert not survivors, f"still running after SIGTERM: {survivors}"


@dataclass
class Browser:
    """A page of a real Chromium, and what it did that it should not."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requested_hosts: set[str] = field(default_factory=set)

    def watch(self) -> None:
        """Record console errors, uncaught exceptions and every host that is asked for anything."""
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, request: Request) -> None:
        scheme, _, rest = request.url.partition("://")
        if scheme in {"http", "https", "ws", "wss"}:
            self.requested_hosts.add(rest.partition("/")[0].partition(":")[0])


@contextmanager
def browser(*, width: int = 1500, height: int = 1000, scale: float = 1.0) -> Iterator[Browser]:
    """A fresh headless Chromium with one page of the given size in CSS pixels; `scale` image pixels to each."""
    executable = next(filter(None, map(shutil.which, _BROWSERS)), None)
    assert executable, f"none of {', '.join(_BROWSERS)} is installed; tests/install_system_packages.sh installs one"
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]  # root has no sandbox in a container
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, headless=True, args=arguments)
        context = chromium.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
        page = context.new_page()
        page.set_default_timeout(_PAGE_SECONDS * 1000)
        expect.set_options(timeout=_PAGE_SECONDS * 1000)
        driven = Browser(page)
        driven.watch()
        yield driven
        chromium.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(process: subprocess.Popen[bytes]) -> list[str]:
    """Ask everything in the process group to stop; kill and name what does not."""
    if process.poll() is None:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline and (process.poll() is None or _members(process.pid)):
        time.sleep(_POLL_SECONDS)
    survivors = [f"{member.pid} {command_of(member)}" for member in _members(process.pid)]
    if survivors:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return survivors


def _members(group: int) -> list[psutil.Process]:
    return [member for member in psutil.process_iter() if _group_of(member) == group]


def _group_of(member: psutil.Process) -> int | None:
    try:
        return os.getpgid(member.pid) if is_running(member) else None
    except ProcessLookupError:
        return None
