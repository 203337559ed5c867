"""SandboxFusion and Piston behind the sandbox interface: same verdicts as here, and every way a server can fail."""

import socket

import pytest
from sandbox_servers import piston, sandbox_fusion, serve

from openreason_dagster.domain.errors import SandboxError
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.sandbox import Limits, Program, Status
from openreason_dagster.domain.verification.code import judge_in
from openreason_dagster.resources.sandbox.open_sandbox import open_sandbox
from openreason_dagster.resources.sandbox.piston import Piston
from openreason_dagster.resources.sandbox.sandbox_fusion import SandboxFusion

LIMITS = Limits(cpu_seconds=2, wall_seconds=3, memory_megabytes=400)
KINDS = {"SandboxFusion": (sandbox_fusion, SandboxFusion), "Piston": (piston, Piston)}
SUITE = {"suite": "assert twice(2) == 4\nassert twice('a') == 'aa'"}
CHECKED = {
    "suite": "def check(candidate):\n    for n in range(5):\n        assert candidate(n) == n + n",
    "entry": "twice",
}
ADDING = {"stdio": [{"stdin": "1 2\n", "stdout": "3"}, {"stdin": "5 6\n", "stdout": "11"}]}


@pytest.fixture(scope="module", params=KINDS)
def remote(request):
    with serve(KINDS[request.param][0]) as url:
        yield open_sandbox(url)


@pytest.mark.parametrize(
    ("spec", "answer", "verdict"),
    [
        pytest.param(SUITE, "def twice(x): return x + x", Verdict.CORRECT, id="function"),
        pytest.param(SUITE, "def twice(x): return 4", Verdict.INCORRECT, id="wrong_function"),
        pytest.param(CHECKED, "def twice(x): return x * 2", Verdict.CORRECT, id="checked_suite"),
        pytest.param(CHECKED, "def twice(x): return x ** 2", Verdict.INCORRECT, id="wrong_for_suite"),
        pytest.param(ADDING, "print(sum(map(int, input().split())))", Verdict.CORRECT, id="program"),
        pytest.param(ADDING, "print(3)", Verdict.INCORRECT, id="wrong_program"),
        pytest.param(ADDING, "import time\ntime.sleep(60)", Verdict.TIMEOUT, id="sleeping_program"),
        pytest.param(ADDING | {"language": "bash"}, "read a b; echo $((a + b))", Verdict.CORRECT, id="bash"),
        pytest.param(ADDING | {"language": "bash"}, "sleep 60", Verdict.TIMEOUT, id="sleeping_bash"),
        pytest.param(ADDING | {"language": "bash"}, "exit 3", Verdict.INCORRECT, id="failing_bash"),
        pytest.param(ADDING | {"language": "cpp"}, "int main(", Verdict.INCORRECT, id="does_not_compile"),
    ],
)
def test_verdict(remote, spec, answer, verdict):
    judgement = judge_in(remote, LIMITS, spec, f"```{spec.get('language', 'python')}\n{answer}\n```")
    assert judgement.verdict is verdict, judgement
    assert judgement.extras["sandbox"].startswith(("SandboxFusion at http", "Piston at http"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param((200, b"no json"), id="no_json"),
        pytest.param((200, []), id="no_object"),
        pytest.param((200, {}), id="empty_object"),
        pytest.param(
            (200, {"status": "SandboxError", "message": "out of disk", "run": {"status": "XX"}}), id="own_error"
        ),
        pytest.param((200, {"run_result": {"status": "Error"}, "run": 7}), id="run_without_result"),
    ],
)
def test_failure_of_the_server_is_an_error_verdict(kind, reply):
    with serve(lambda _path, _body: reply) as url:
        judgement = judge_in(KINDS[kind][1](url), LIMITS, ADDING | {"language": "bash"}, "```bash\necho 3\n```")
    assert judgement.verdict is Verdict.ERROR, judgement


@pytest.mark.parametrize("kind", KINDS)
def test_busy_server_is_asked_again(kind, monkeypatch):
    monkeypatch.setattr("openreason_dagster.resources.sandbox.http_sandbox.FIRST_PAUSE_SECONDS", 0.01)
    replies = [(503, b"busy"), (429, b"slow down"), None]
    handle, client = KINDS[kind]
    with serve(lambda path, body: replies.pop(0) or handle(path, body)) as url:
        outcome = next(client(url).run(Program(language="bash", source="echo here"), [b""], LIMITS))
    assert (outcome.status, outcome.stdout) == (Status.EXITED, b"here\n")
    assert replies == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [400, 404, 500])
def test_server_that_refuses_is_an_error(kind, status, monkeypatch):
    monkeypatch.setattr("openreason_dagster.resources.sandbox.http_sandbox.FIRST_PAUSE_SECONDS", 0.01)
    with serve(lambda _path, _body: (status, {"message": "run_timeout cannot exceed 3000"})) as url:
        runs = KINDS[kind][1](url).run(Program(language="bash", source=":"), [b""], LIMITS)
        with pytest.raises(SandboxError, match=rf"{kind} at http.*HTTP {status}.*run_timeout cannot exceed"):
            next(runs)


def test_language_that_a_server_lacks_is_no_toolchain():
    outcome = next(SandboxFusion("http://127.0.0.1:9").run(Program(language="c", source=""), [b""], LIMITS))
    assert outcome.status is Status.NO_TOOLCHAIN


def test_setting_that_names_no_sandbox_is_refused():
    with pytest.raises(SandboxError, match="expected bubblewrap, or the URL"):
        open_sandbox("docker")
    with serve(lambda _path, _body: (404, {})) as url, pytest.raises(SandboxError, match="Nothing was run"):
        open_sandbox(url)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(SandboxError, match="no server answers"):
        open_sandbox(f"http://127.0.0.1:{port}")


def test_missing_bubblewrap_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"bwrap, which is not installed.*apt-get install bubblewrap"):
        open_sandbox("bubblewrap")
