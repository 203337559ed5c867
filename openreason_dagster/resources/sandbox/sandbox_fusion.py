"""SandboxFusion (https://github.com/bytedance/SandboxFusion) as a sandbox: one request to `/run_code` per run.

The isolation is the server's: it should run with `isolation: lite` or in a container of its own.
"""

from typing import Any

from openreason_dagster.domain.sandbox import Limits, Outcome, Program, Status
from openreason_dagster.resources.sandbox.http_sandbox import COMPILE_SECONDS, HttpSandbox

_LANGUAGES = {
    "python": "python", "cpp": "cpp", "javascript": "nodejs", "java": "java", "go": "go", "rust": "rust",
    "bash": "bash",
}  # fmt: skip
PING_PATH = "/v1/ping"


class SandboxFusion(HttpSandbox):
    """Runs programs on a SandboxFusion server."""

    kind = "SandboxFusion"
    run_path = "/run_code"
    languages = _LANGUAGES.keys()

    def request(self, program: Program, stdin: str, limits: Limits) -> dict[str, Any]:
        """Body of a request to `/run_code`; the server limits processor time by wall time."""
        return {
            "code": program.source,
            "language": _LANGUAGES[program.language],
            "stdin": stdin,
            "compile_timeout": COMPILE_SECONDS,
            "run_timeout": limits.wall_seconds,
            "memory_limit_MB": limits.memory_megabytes,
        }

    def outcome(self, said: dict[str, Any], limits: Limits) -> Outcome:  # noqa: PLR0911 - one for each status
        """From `compile_result` and `run_result` of its reply."""
        compiled, ran = said.get("compile_result"), said.get("run_result")
        if said.get("status") == "SandboxError" or not isinstance(ran, dict | None):
            return Outcome(status=Status.FAILED, message=f"the server failed: {str(said.get('message'))[:300]}")
        if isinstance(compiled, dict) and (compiled.get("status") != "Finished" or compiled.get("return_code")):
            errors = str(compiled.get("stderr") or compiled.get("status"))
            return Outcome(status=Status.COMPILE_FAILED, stderr=errors.encode(), message=errors[:500])
        if ran is None:
            return Outcome(status=Status.FAILED, message="the server's reply tells of no run")
        stdout, stderr = (str(ran.get(name) or "").encode(errors="replace") for name in ("stdout", "stderr"))
        if ran.get("status") == "TimeLimitExceeded":
            message = f"stopped after {limits.wall_seconds:g} s"
            return Outcome(status=Status.TIMED_OUT, stdout=stdout, stderr=stderr, message=message)
        if len(stdout) + len(stderr) > limits.output_bytes:
            return Outcome(status=Status.TOO_MUCH_OUTPUT, message=f"more than {limits.output_bytes} bytes of output")
        code = ran.get("return_code")
        if ran.get("status") != "Finished" or not isinstance(code, int):
            return Outcome(
                status=Status.FAILED, stderr=stderr, message=f"the run ended as {str(ran.get('status'))[:100]}"
            )
        exit_code = code if code >= 0 else 128 - code
        return Outcome(status=Status.EXITED, exit_code=exit_code, stdout=stdout, stderr=stderr)
