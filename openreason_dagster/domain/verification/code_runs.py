"""Running an answer's program on the tests' inputs, and what each run left behind, whatever sandbox and language."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.sandbox import Limits, Outcome, Program, Sandbox, Status
from openreason_dagster.domain.verification.in_sandbox.scripts import Script, script

TESTS_AT_ONCE = 16
"""Tests of a Python answer that share the start of one sandbox; each has a process of its own."""
_CPU_TIME_IS_UP = {128 + 24, -24}
"""How a shell and Python write that SIGXCPU ended a process."""
_VERDICTS = {
    Status.TIMED_OUT: Verdict.TIMEOUT,
    Status.OUT_OF_MEMORY: Verdict.INCORRECT,
    Status.TOO_MUCH_OUTPUT: Verdict.INCORRECT,
    Status.COMPILE_FAILED: Verdict.INCORRECT,
    Status.NO_TOOLCHAIN: Verdict.ERROR,
    Status.FAILED: Verdict.ERROR,
}


_START_SECONDS = 60.0
"""A busy machine may take long to start the runner, which says so before it runs the answer."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Why a test is not passed, or that all are."""

    verdict: Verdict
    message: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run of an answer's program left: all of it claims of a hostile program."""

    stdout: str = ""
    result: str = ""
    """What the process that called a function said of its result: JSON, if it is what `candidate_runner` writes."""
    failure: Finding | None = None
    """Set for a program that did not end by itself with code 0."""


def run_programs(program: Program, inputs: Sequence[str], sandbox: Sandbox, limits: Limits) -> Iterator[Run]:
    """One run per input, as they are asked for, each in a sandbox of its own; the last may stand for all others."""
    encoded = [text.encode(errors="surrogatepass") for text in inputs]
    for outcome in sandbox.run(program, encoded, limits):
        yield Run(stdout=outcome.stdout.decode(errors="replace"), failure=_failure(outcome))


def run_python(
    job: dict[str, object], tests: Sequence[dict[str, object]], sandbox: Sandbox, limits: Limits
) -> Iterator[Run]:
    """One run per test of `candidate_runner`, as they are asked for, each in a process of its own.

    Args:
        job: prelude, code and setup.
        tests: each with `stdin`, or with `entry` and perhaps `arguments`.
        sandbox: where.
        limits: of each test.
    """
    for start in range(0, len(tests), TESTS_AT_ONCE):
        batch = list(tests[start : start + TESTS_AT_ONCE])
        full = {
            **job,
            "tests": batch,
            "cpu_seconds": limits.cpu_seconds,
            "wall_seconds": limits.wall_seconds,
            "output_bytes": limits.output_bytes,
        }
        outcome = run_script("candidate_runner", full, sandbox, _together(limits, len(batch)))
        yield from _reported(outcome, len(batch))


def run_script(name: Script, job: dict[str, object], sandbox: Sandbox, limits: Limits) -> Outcome:
    """Run one of our own scripts in a sandbox."""
    program = Program(language="python", source=script(name, job))
    return next(iter(sandbox.run(program, [b""], limits)))


def _together(limits: Limits, tests: int) -> Limits:
    """What a batch may use: its tests run one after the other, and their output is written as JSON."""
    return replace(
        limits,
        cpu_seconds=limits.cpu_seconds + 5,
        wall_seconds=limits.wall_seconds * tests + _START_SECONDS,
        start_seconds=_START_SECONDS,
        silent_seconds=limits.wall_seconds + 5,
        output_bytes=limits.output_bytes * 4,
    )


def _reported(outcome: Outcome, count: int) -> Iterator[Run]:
    """The runs that a batch's lines tell of; after one that failed there need be no more.

    Anything else that is missing is the answer's doing, once the runner had begun.
    """
    ready, *lines = outcome.stdout.split(b"\n") if outcome.stdout else [b""]
    if ready != b"{}":
        said = outcome.message or outcome.stderr.decode(errors="replace").strip()[-300:]
        yield Run(failure=Finding(verdict=Verdict.ERROR, message=f"the sandbox did not start the answer: {said}"))
        return
    complete = lines[:-1][:count]
    runs = [_reported_run(line) for line in complete]
    yield from runs
    if len(runs) < count and not any(run.failure for run in runs):
        ended = Finding(verdict=Verdict.INCORRECT, message="the answer ended the process that runs it")
        yield Run(failure=_failure(outcome) if outcome.status is not Status.EXITED else ended)


def _reported_run(line: bytes) -> Run:
    try:
        said = json.loads(line)
        stdout, result, exit_code = str(said["stdout"]), str(said["result"]), int(said["exit"])
        stderr, stopped = str(said["stderr"]), said["stopped"]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        message = "the answer took over the process that runs it"
        return Run(failure=Finding(verdict=Verdict.INCORRECT, message=message))
    if stopped == "time":
        failure: Finding | None = Finding(verdict=Verdict.TIMEOUT, message="stopped at the time limit")
    elif stopped == "output":
        failure = Finding(verdict=Verdict.INCORRECT, message="stopped at the output limit")
    else:
        failure = _bad_exit(exit_code, stderr)
    return Run(stdout=stdout, result=result, failure=failure)


def _failure(outcome: Outcome) -> Finding | None:
    if outcome.status is Status.EXITED:
        return _bad_exit(outcome.exit_code or 0, outcome.stderr.decode(errors="replace"))
    return Finding(verdict=_VERDICTS[outcome.status], message=outcome.message or outcome.status.value)


def _bad_exit(exit_code: int, stderr: str) -> Finding | None:
    if exit_code == 0:
        return None
    if exit_code in _CPU_TIME_IS_UP:
        return Finding(verdict=Verdict.TIMEOUT, message="stopped at the limit of processor time")
    last = stderr.strip().splitlines()[-1:] or ["nothing on standard error"]
    return Finding(verdict=Verdict.INCORRECT, message=f"ended with code {exit_code}: {last[0][:200]}")
