"""Nothing that a program does reaches out of the sandbox, nor beyond its limits; each row is an attack."""

import os
import platform
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest
from escape_programs import CALLS, EXHAUSTING, FILES, LIMITED, PRIVILEGES, SOCKETS, program, system_call_numbers

from openreason_dagster.domain.sandbox import Limits, Program, Status
from openreason_dagster.resources.sandbox.bubblewrap import Bubblewrap

LIMITS = Limits(
    cpu_seconds=2, wall_seconds=4, memory_megabytes=500, processes=32, file_megabytes=20, output_bytes=1_000_000
)
ATTACKS = CALLS | SOCKETS | FILES | PRIVILEGES | LIMITED


@pytest.fixture(scope="module")
def sandbox():
    return Bubblewrap.find()


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """What an attack would like to reach: a server, a secret file, a process; and what reached the server."""
    secret = tmp_path_factory.mktemp("host") / "secret"
    secret.write_text("secret")
    reached = []
    abstract = f"openreason-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{abstract}")
        local.listen()
        threading.Thread(target=lambda: _accept(server, reached), daemon=True).start()
        os.environ["OPENREASON_TEST_SECRET"] = "secret"
        yield {
            "host": "127.0.0.1",
            "port": server.getsockname()[1],
            "secret": secret,
            "pid": os.getpid(),
            "name": socket.gethostname(),
            "abstract": abstract,
            "reached": reached,
        }
        del os.environ["OPENREASON_TEST_SECRET"]
        server.shutdown(socket.SHUT_RDWR)


def _accept(server, reached):
    try:
        while True:
            reached.append(server.accept())
    except OSError:
        return


def run(sandbox, source, *, language="python", limits=LIMITS, stdin=b""):
    return next(iter(sandbox.run(Program(language=language, source=source), [stdin], limits)))


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_held(sandbox, host, name):
    outcome = run(sandbox, program(ATTACKS[name], **host, **system_call_numbers(platform.machine())))
    assert b"ESCAPED" not in outcome.stdout
    assert outcome.stdout.startswith(b"HELD"), outcome
    assert host["reached"] == []


def test_an_attack_that_works_would_be_seen(sandbox):
    assert run(sandbox, program("return True")).stdout == b"ESCAPED\n"


@pytest.mark.parametrize("name", EXHAUSTING)
def test_exhausting_program_is_stopped(sandbox, name):
    source, expected = EXHAUSTING[name]
    started = time.monotonic()
    outcome = run(sandbox, source)
    assert time.monotonic() - started < LIMITS.wall_seconds + 3
    assert outcome.status in expected
    assert outcome.exit_code != 0
    assert len(outcome.stdout) + len(outcome.stderr) <= LIMITS.output_bytes


def test_processor_time_is_limited_for_itself(sandbox):
    limits = Limits(cpu_seconds=1, wall_seconds=20, memory_megabytes=500)
    outcome = run(sandbox, "while True: pass", limits=limits)
    assert (outcome.status, outcome.exit_code) == (Status.EXITED, 128 + 24)


@pytest.fixture
def mark():
    """A name for processes of one test."""
    return f"mark-{os.getpid()}-{time.time_ns()}"


def processes_named(mark):
    return [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or [])]


def test_daemon_ends_with_the_run(sandbox, mark):
    source = f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for n in range(3):
            os.close(n)
        os.execv("/bin/sh", ["{mark}", "-c", "while :; do sleep 1; done"])
    os._exit(0)
os.wait()
print("done")
"""
    assert run(sandbox, source).stdout == b"done\n"
    assert processes_named(mark) == []


def test_stopped_run_leaves_no_process(sandbox, mark):
    forks = "import os\nfor _ in range(3): os.fork()\n"
    outcome = run(sandbox, f"{forks}os.execv('/bin/sh', ['{mark}', '-c', 'sleep 100; :'])")
    assert outcome.status is Status.TIMED_OUT
    assert processes_named(mark) == []


def test_runs_share_nothing(sandbox):
    source = "import os\nprint(os.path.exists('/tmp/left')); open('/tmp/left', 'w').close()"
    outcomes = sandbox.run(Program(language="python", source=source), [b"", b""], LIMITS)
    assert [outcome.stdout for outcome in outcomes] == [b"False\n", b"False\n"]


def test_descriptors_of_this_process_do_not_leak(sandbox):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        run(sandbox, "print(1)")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("language", "source"),
    [
        pytest.param("c", '#include "/etc/shadow"\nint main(){return 0;}', id="include_of_host_file"),
        pytest.param("c", '#include "{secret}"\nint main(){return 0;}', id="include_of_host_secret"),
        pytest.param("c", "int main(){", id="does_not_compile"),
        pytest.param(
            "cpp", "template<int N> struct A { enum { x = A<N+1>::x }; }; int y = A<0>::x;", id="template_depth"
        ),
        pytest.param("c", "int x[1L << 40] = {1}; int main(){return 0;}", id="huge_object_file"),
    ],
)
def test_compiling_is_confined_too(sandbox, host, language, source):
    outcome = run(sandbox, source.replace("{secret}", str(host["secret"])), language=language)
    assert outcome.status is Status.COMPILE_FAILED
    assert b"secret\n" not in outcome.stderr


def test_failure_of_bubblewrap_itself_is_no_outcome_of_the_program(sandbox, monkeypatch):
    monkeypatch.setattr(sandbox, "_filter", b"no filter")
    outcome = run(sandbox, "print(1)")
    assert outcome.status is Status.FAILED
    assert "the sandbox could not be made: bwrap:" in outcome.message
