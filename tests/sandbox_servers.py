"""Real servers on loopback that speak the APIs of SandboxFusion and Piston, and run what they get with bubblewrap."""

import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openreason_dagster.domain.sandbox import Limits, Outcome, Program, Status
from openreason_dagster.resources.sandbox.bubblewrap import Bubblewrap

Reply = tuple[int, object]
Handler = Callable[[str, dict], Reply]


@contextmanager
def serve(handle: Handler):
    """URL of a server that answers GET and POST with what `handle(path, body)` returns; bytes are sent as they are."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply(*handle(self.path, {}))

        def do_POST(self):
            self._reply(*handle(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

        def _reply(self, status, body):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _run(language: str, source: str, stdin: str, *, seconds: float, memory_megabytes: int) -> Outcome:
    limits = Limits(cpu_seconds=60, wall_seconds=seconds, memory_megabytes=memory_megabytes)
    program = Program(language=language, source=source)
    return next(iter(Bubblewrap.find().run(program, [stdin.encode()], limits)))


def sandbox_fusion(path: str, body: dict) -> Reply:
    """`/v1/ping` and `/run_code`."""
    if path == "/v1/ping":
        return 200, "pong"
    if path != "/run_code":
        return 404, {}
    language = {"nodejs": "javascript"}.get(body["language"], body["language"])
    memory = body["memory_limit_MB"]
    outcome = _run(language, body["code"], body["stdin"], seconds=body["run_timeout"], memory_megabytes=memory)
    ran = {
        "status": "TimeLimitExceeded" if outcome.status is Status.TIMED_OUT else "Finished",
        "return_code": outcome.exit_code,
        "stdout": outcome.stdout.decode(errors="replace"),
        "stderr": outcome.stderr.decode(errors="replace"),
    }
    if outcome.status is Status.COMPILE_FAILED:
        failed = {"status": "Finished", "return_code": 1, "stdout": "", "stderr": outcome.message}
        return 200, {"status": "Failed", "message": "", "compile_result": failed, "run_result": None}
    return 200, {"status": "Success", "message": "", "compile_result": None, "run_result": ran}


def piston(path: str, body: dict) -> Reply:
    """`/api/v2/runtimes` and `/api/v2/execute`."""
    if path == "/api/v2/runtimes":
        return 200, [{"language": "python", "version": "3.12.0", "aliases": ["py"]}]
    if path != "/api/v2/execute":
        return 404, {}
    language = {"c++": "cpp"}.get(body["language"], body["language"])
    memory, seconds = body["run_memory_limit"] // 1_000_000, body["run_timeout"] / 1000
    outcome = _run(language, body["files"][0]["content"], body["stdin"], seconds=seconds, memory_megabytes=memory)
    if outcome.status is Status.COMPILE_FAILED:
        return 200, {"compile": {"code": 1, "stderr": outcome.message, "stdout": "", "signal": None}, "run": {}}
    stopped = outcome.status is Status.TIMED_OUT
    ran = {
        "code": None if stopped else outcome.exit_code,
        "signal": "SIGKILL" if stopped else None,
        "status": "TO" if stopped else None,
        "stdout": outcome.stdout.decode(errors="replace"),
        "stderr": outcome.stderr.decode(errors="replace"),
    }
    return 200, {"language": language, "version": "1", "run": ran}
