"""Feeding a confined process and reading it, within limits of time, output and memory, then killing all of it."""

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from openreason_dagster.domain.sandbox import Limits, Outcome, Status

_READ_BYTES = 1 << 16
_MEMORY_CHECK_SECONDS = 0.1
"""How often the memory of all processes is summed; runs that end sooner are bounded by each process's own limit."""


@dataclass
class _Exchange:
    """What is left to write to a process and what has been read from it."""

    process: "subprocess.Popen[bytes]"
    unsent: memoryview
    room: int
    deadline: float
    """When it is stopped, unless it says something."""
    chunks: dict[str, list[bytes]] = field(default_factory=lambda: {"stdout": [], "stderr": []})

    def text(self, name: str) -> bytes:
        return b"".join(self.chunks[name])


def run_confined(command: Sequence[str], stdin: bytes, limits: Limits, *, files: Sequence[int] = ()) -> Outcome:
    """Run a command whose end ends everything it started, and say what became of it.

    Args:
        command: starts the confinement; killing its process has to kill all that runs inside.
        stdin: what the program reads.
        limits: time, output and memory are kept here; the command has to keep the others.
        files: descriptors that the command inherits.
    """
    process = subprocess.Popen(  # noqa: S603 - built by the caller from its own options
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        pass_fds=files,
    )
    exchange = _Exchange(process, memoryview(stdin), limits.output_bytes, 0.0)
    try:
        status = _exchange(exchange, limits)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
    exited = status is Status.EXITED
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return Outcome(
        status=status,
        exit_code=code if exited else None,
        stdout=exchange.text("stdout"),
        stderr=exchange.text("stderr"),
        message="" if exited else _explained(status, limits),
    )


def _explained(status: Status, limits: Limits) -> str:
    return {
        Status.TIMED_OUT: f"stopped after {limits.silent_seconds or limits.wall_seconds:g} s",
        Status.OUT_OF_MEMORY: f"stopped at {limits.memory_megabytes} MB of memory",
        Status.TOO_MUCH_OUTPUT: f"stopped at {limits.output_bytes} bytes of output",
    }.get(status, status.value)


def _exchange(exchange: _Exchange, limits: Limits) -> Status:
    """Write and read until the process has ended or a limit is reached."""
    now = time.monotonic()
    end, memory_check = now + limits.wall_seconds, now + _MEMORY_CHECK_SECONDS
    silence = limits.silent_seconds or limits.wall_seconds
    exchange.deadline = min(end, now + max(silence, limits.start_seconds))
    with selectors.DefaultSelector() as selector:
        _register(selector, exchange)
        while selector.get_map():
            now = time.monotonic()
            if now >= exchange.deadline:
                return Status.TIMED_OUT
            if now >= memory_check:
                if _resident_bytes(exchange.process.pid) > limits.memory_megabytes * 1_000_000:
                    return Status.OUT_OF_MEMORY
                memory_check = now + _MEMORY_CHECK_SECONDS
            for key, _ in selector.select(min(exchange.deadline, memory_check) - now):
                if key.data == "stdin":
                    _write(selector, exchange)
                else:
                    _read(selector, key, exchange)
                    exchange.deadline = min(end, time.monotonic() + silence)
            if exchange.room < 0:
                return Status.TOO_MUCH_OUTPUT
        return _ended(exchange.process, exchange.deadline)


def _register(selector: selectors.BaseSelector, exchange: _Exchange) -> None:
    process = exchange.process
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    if exchange.unsent:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE, "stdin")
    else:
        process.stdin.close()
    selector.register(process.stdout, selectors.EVENT_READ, "stdout")
    selector.register(process.stderr, selectors.EVENT_READ, "stderr")


def _write(selector: selectors.BaseSelector, exchange: _Exchange) -> None:
    """Write what the pipe takes; a program need not read its input."""
    pipe = exchange.process.stdin
    assert pipe is not None
    try:
        written = pipe.raw.write(exchange.unsent[:_READ_BYTES])  # type: ignore[attr-defined]
        exchange.unsent = exchange.unsent[written or 0 :]
    except BrokenPipeError:
        exchange.unsent = memoryview(b"")
    if not exchange.unsent:
        selector.unregister(pipe)
        with suppress(BrokenPipeError):
            pipe.close()


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey, exchange: _Exchange) -> None:
    data = key.fileobj.read1(_READ_BYTES)  # type: ignore[union-attr]
    if not data:
        selector.unregister(key.fileobj)
    exchange.room -= len(data)
    if exchange.room >= 0:
        exchange.chunks[key.data].append(data)


def _ended(process: "subprocess.Popen[bytes]", deadline: float) -> Status:
    """Both streams are closed; a program may have closed them and go on."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Status.TIMED_OUT
    return Status.EXITED


def _resident_bytes(pid: int) -> int:
    """Memory of all processes below this one."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += child.memory_info().rss
    return total
