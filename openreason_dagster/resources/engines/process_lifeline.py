"""Ends the processes an engine has started when their owner is killed, which leaves it no time to end them itself.

This file is also the program that watches: it runs beside the owner and reads a pipe that closes when the owner dies.
"""

import os
import select
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_KILLS = 0.1
_STARTED = b"s"
_END = b"e"
_GOODBYE = b"g"


class ProcessLifeline:
    """A watching process, held while an engine is open.

    Watched is what the owner starts after entering and before it calls `started`. It is killed with all that it has
    started itself when the owner dies, and when the lifeline is left by an interrupt, i.e. by what is no `Exception`:
    then nobody else may have ended it.
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
            if error is None or isinstance(error, Exception):
                _tell(watcher, _GOODBYE)
            watcher.stdin.close()
            watcher.wait()
            if watcher.stdout is not None:
                watcher.stdout.close()

    def started(self) -> None:
        """Say that the engine's processes are all there."""
        if self._watcher is not None:
            _tell(self._watcher, _STARTED)

    def end_processes(self) -> None:
        """Kill what is watched, and until the lifeline is left also what is still being started."""
        if self._watcher is not None:
            _tell(self._watcher, _END)


def _tell(watcher: subprocess.Popen[bytes], word: bytes) -> None:
    assert watcher.stdin is not None
    try:
        watcher.stdin.write(word)
    except BrokenPipeError:
        return  # somebody ended the watcher: nothing is watched any more


def watch(pipe: int, ready: int, *, owner: int) -> None:
    """Follow the owner until it leaves; kill what it had started when it says so, or when it is gone without a word.

    Args:
        pipe: File descriptor of the pipe to which only the owner writes.
        ready: File descriptor to write a byte to when the processes that are there already are known.
        owner: Process id of the owner.
    """
    leader = psutil.Process(owner)
    not_watched = _descendants(leader)
    os.write(ready, _STARTED)
    watched: set[psutil.Process] = set()
    patience_after: dict[bytes, float | None] = {_STARTED: None, _END: _SECONDS_BETWEEN_KILLS}
    patience: float | None = _SECONDS_BETWEEN_LOOKS
    word = b" "
    while word and word != _GOODBYE:
        is_told = bool(select.select([pipe], [], [], patience)[0])
        if patience is not None:
            watched |= _descendants(leader) - not_watched
        if is_told:
            word = os.read(pipe, 1)
            patience = patience_after.get(word, patience)
        if word in {_END, b""}:
            _kill(watched)


def _descendants(process: psutil.Process) -> set[psutil.Process]:
    try:
        return set(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def _kill(processes: set[psutil.Process]) -> None:
    for process in processes.union(*map(_descendants, processes)):
        with suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    if os.getppid() == int(sys.argv[1]):  # else the owner is gone already, and another process has its place
        watch(sys.stdin.fileno(), sys.stdout.fileno(), owner=int(sys.argv[1]))
