"""What it means to run an untrusted program: the program, its limits, what became of it, and who can run it.

A sandbox runs; it never judges. Whatever a program prints or returns is data from a hostile source.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Program:
    """Source text of one file in one of `LANGUAGES`."""

    language: str
    source: str


LANGUAGES = ("python", "cpp", "c", "javascript", "java", "go", "rust", "bash")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run may use. Compiling has limits of the sandbox's own."""

    cpu_seconds: float
    """Processor time of each process."""
    wall_seconds: float
    memory_megabytes: int
    """Of all processes together."""
    processes: int = 64
    """Processes and threads at once."""
    file_megabytes: int = 64
    """Of the private temporary folder, the only place that can be written."""
    output_bytes: int = 8_000_000
    """Of standard output and standard error together."""
    silent_seconds: float | None = None
    """Longest time without output; None for as long as the run may take."""
    start_seconds: float = 0.0
    """Longest time until the first output, where that is longer."""


class Status(StrEnum):
    """How a run ended. `no_toolchain` and `failed` say nothing of the program."""

    EXITED = "exited"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MUCH_OUTPUT = "too_much_output"
    COMPILE_FAILED = "compile_failed"
    NO_TOOLCHAIN = "no_toolchain"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one run."""

    status: Status
    exit_code: int | None = None
    """Set when the status is `exited`; 128 and the signal's number for a program that a signal ended."""
    stdout: bytes = b""
    stderr: bytes = b""
    message: str = ""
    """What a reader should know of any other status."""


class Sandbox(Protocol):
    """Runs untrusted programs where they can harm nothing."""

    @property
    def description(self) -> str:
        """What it is, e.g. `bubblewrap 0.8.0`, for the evidence of a verdict."""

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> Iterator[Outcome]:
        """Run the program once for each standard input, each time afresh; outcomes come as they are asked for.

        A program that cannot be compiled, or has no toolchain here, has that as its only outcome.

        Raises:
            SandboxError: the sandbox cannot be used at all.
        """
