"""Ends the processes an engine has started when their owner is killed, which leaves it no time to end them itself.

This file is also the program that watches: it runs beside the owner and reads a pipe that closes when the owner dies.
"""

import os
import select
import subprocess
import sys
from types import TracebackType
from typing import Self

import psutil

_SECONDS_BETWEEN_LOOKS = 0.5
_STARTED = b"s"
_GOODBYE = b"g"


class ProcessLifeline:
    """A watching process, held while an engine is open.

    Watched is what the owner starts after entering and before it calls `started`.
    """

    def __init__(self) -> None:
        self._watcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._watcher = subprocess.Popen(  # noqa: S603 - this file, run by this Python
            [sys.executable, "-P", __file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # what is sent to the owner's group is not for the watcher
        )
        assert self._watcher.stdout is not None
        self._watcher.stdout.read(1)  # the watcher has seen what is there already
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher.stdin is not None:
            _tell(watcher, _GOODBYE)
            watcher.stdin.close()
            watcher.wait()
            if watcher.stdout is not None:
                watcher.stdout.close()

    def started(self) -> None:
        """Say that the engine's processes are all there."""
        if self._watcher is not None:
            _tell(self._watcher, _STARTED)


def _tell(watcher: subprocess.Popen[bytes], word: bytes) -> None:
    assert watcher.stdin is not None
    try:
        watcher.stdin.write(word)
    except BrokenPipeError:
        return  # somebody ended the watcher: nothing is watched any more


def watch(pipe: int, ready: int, *, owner: int) -> None:
    """Follow the owner until it leaves; if it is killed, kill what it had started.

    Args:
        pipe: File descriptor of the pipe to which only the owner writes.
        ready: File descriptor to write a byte to when the processes that are there already are known.
        owner: Process id of the owner.
    """
    not_watched = _descendants(owner)
    os.write(ready, _STARTED)
    watched: set[psutil.Process] = set()
    patience: float | None = _SECONDS_BETWEEN_LOOKS
    word = b""
    while word != _GOODBYE:
        if patience is not None:
            watched |= _descendants(owner) - not_watched
        if not select.select([pipe], [], [], patience)[0]:
            continue
        word = os.read(pipe, 1)
        if word == _STARTED:
            watched |= _descendants(owner) - not_watched
            patience = None
        elif not word:
            _kill(watched)
            return


def _descendants(owner: int) -> set[psutil.Process]:
    try:
        return set(psutil.Process(owner).children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def _kill(processes: set[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


if __name__ == "__main__":
    if os.getppid() == int(sys.argv[1]):  # else the owner is gone already, and another process has its place
        watch(sys.stdin.fileno(), sys.stdout.fileno(), owner=int(sys.argv[1]))
