"""Piston (https://github.com/engineer-man/piston) as a sandbox: one request to `/api/v2/execute` per run.

A server's defaults are small: raise `PISTON_RUN_TIMEOUT`, `PISTON_COMPILE_TIMEOUT` and `PISTON_OUTPUT_MAX_SIZE` to the
recipe's limits, for it refuses longer runs and cuts longer output. Python runs up to 16 tests in one request, and asks
for 16 times the time of a test and 10 seconds.
"""

from typing import Any

from openreason_dagster.domain.sandbox import Limits, Outcome, Program, Status
from openreason_dagster.resources.sandbox.http_sandbox import COMPILE_SECONDS, HttpSandbox

_LANGUAGES = {
    "python": ("python", "answer.py"), "cpp": ("c++", "answer.cpp"), "c": ("c", "answer.c"),
    "javascript": ("javascript", "answer.js"), "java": ("java", "Main.java"), "go": ("go", "answer.go"),
    "rust": ("rust", "answer.rs"), "bash": ("bash", "answer.sh"),
}  # fmt: skip
RUNTIMES_PATH = "/api/v2/runtimes"


class Piston(HttpSandbox):
    """Runs programs on a Piston server, in the newest version of each language that it has."""

    kind = "Piston"
    run_path = "/api/v2/execute"
    languages = _LANGUAGES.keys()

    def request(self, program: Program, stdin: str, limits: Limits) -> dict[str, Any]:
        """Body of a request to `/api/v2/execute`."""
        language, file_name = _LANGUAGES[program.language]
        return {
            "language": language,
            "version": "*",
            "files": [{"name": file_name, "content": program.source}],
            "stdin": stdin,
            "compile_timeout": int(1000 * COMPILE_SECONDS),
            "run_timeout": int(1000 * limits.wall_seconds),
            "run_memory_limit": limits.memory_megabytes * 1_000_000,
        }

    def outcome(self, said: dict[str, Any], limits: Limits) -> Outcome:
        """From the stages `compile` and `run` of its reply."""
        compiled, ran = said.get("compile"), said.get("run")
        if isinstance(compiled, dict) and compiled.get("code") != 0:
            errors = str(compiled.get("stderr") or compiled.get("signal") or "the compiler failed")
            return Outcome(status=Status.COMPILE_FAILED, stderr=errors.encode(), message=errors[:500])
        if not isinstance(ran, dict):
            return Outcome(status=Status.FAILED, message="the server's reply tells of no run")
        stdout, stderr = (str(ran.get(name) or "").encode(errors="replace") for name in ("stdout", "stderr"))
        code, status = ran.get("code"), ran.get("status")
        stopped = {
            "TO": Status.TIMED_OUT,
            "OL": Status.TOO_MUCH_OUTPUT,
            "EL": Status.TOO_MUCH_OUTPUT,
            "XX": Status.FAILED,
        }
        if status in stopped:
            message = str(ran.get("message") or f"stopped by the server as {status}")
            return Outcome(status=stopped[status], stdout=stdout, stderr=stderr, message=message[:300])
        if isinstance(code, int):
            return Outcome(status=Status.EXITED, exit_code=code, stdout=stdout, stderr=stderr)
        if ran.get("signal") == "SIGKILL":
            message = f"killed by the server, as it does after {limits.wall_seconds:g} s and at its limit of output"
            return Outcome(status=Status.TIMED_OUT, stdout=stdout, stderr=stderr, message=message)
        return Outcome(status=Status.EXITED, exit_code=128, stdout=stdout, stderr=stderr)
