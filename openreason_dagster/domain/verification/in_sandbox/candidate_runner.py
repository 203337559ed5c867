"""Runs one Python answer against many inputs, each in a fresh fork, and reports what came of each as a line of JSON.

The job, a literal that `scripts.py` writes below the text, holds no expected result, and nothing here compares:
whatever an answer does to this process, it can forge only what it says its result was. Starting up is what most runs
spend their time on, so nothing is imported here that takes long, not even `json`.
"""

import builtins
import gc
import os
import resource
import select
import sys
import time
from _json import encode_basestring_ascii
from types import ModuleType
from typing import Any

from openreason_dagster.domain.verification.in_sandbox.value_graph import decode, encode

READ_BYTES = 1 << 16
STDERR_BYTES = 4_000
SIGKILL, SIGXCPU = 9, 24
Job = dict[str, Any]


def main(job: Job) -> None:
    """Write an empty line of JSON, then a line for each test of the job, up to one that fails by itself."""
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # what `-S` leaves out
    _write_all(1, b"{}\n")
    import_named_modules(f"{job['prelude']}\n{job['code']}")
    for part in ("prelude", "code", "setup"):
        job[part] = compiled(job[part], part)
    gc.freeze()
    for test in job["tests"]:
        line = run_test(job, test)
        if line is None:
            return
        _write_all(1, json_text(line).encode() + b"\n")
        if line["stopped"] is not None or line["exit"] != 0:
            break
    os._exit(0)


def import_named_modules(code: str) -> None:
    """Import once, before any fork, what of the standard library the lines of some code import."""
    for line in code.splitlines():
        words = line.replace(",", " ").replace(".", " ").split()
        if words[:1] in (["import"], ["from"]) and len(words) > 1 and words[1] in sys.stdlib_module_names:
            try:
                __import__(words[1])
            except ImportError:
                continue


def compiled(text: str, name: str) -> object:
    """Code compiled once for all forks, or the text itself where that fails: then each fork fails as it should."""
    try:
        return compile(text, f"{name}.py", "exec")
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError):
        return text


def json_text(value: object) -> str:
    """JSON of lists, dictionaries with text keys, texts, integers, truth values and None."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, list):
        return f"[{','.join([json_text(part) for part in value])}]"
    if isinstance(value, dict):
        return (
            "{" + ",".join([f"{encode_basestring_ascii(key)}:{json_text(part)}" for key, part in value.items()]) + "}"
        )
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def run_test(job: Job, test: dict[str, Any]) -> dict[str, Any] | None:
    """Fork, run the answer there, and watch it; None in the fork of a whole program, which then ends as programs do."""
    stdin = _input_file(test.get("stdin", ""))
    pipes = {name: os.pipe() for name in ("stdout", "stderr", "result")}
    child = os.fork()
    if child == 0:
        _become_answer(job, test, stdin, writers={name: pipe[1] for name, pipe in pipes.items()})
        return None
    os.close(stdin)
    for _, writer in pipes.values():
        os.close(writer)
    return _watch(child, {pipe[0]: name for name, pipe in pipes.items()}, job)


def _become_answer(job: Job, test: dict[str, Any], stdin: int, *, writers: dict[str, int]) -> None:
    os.setsid()
    os.dup2(stdin, 0)
    os.dup2(writers["stdout"], 1)
    os.dup2(writers["stderr"], 2)
    result = os.dup2(writers["result"], 3, inheritable=False)
    os.closerange(4, 256)
    seconds = max(1, round(job["cpu_seconds"]))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    is_program = "stdin" in test
    module = type(sys)("__main__" if is_program else "answer")
    sys.modules[module.__name__] = sys.modules["__main__"] = module
    sys.argv = ["answer.py"]
    if is_program:
        os.close(result)
        exec(job["code"], module.__dict__)  # noqa: S102 - inside the sandbox
    else:
        _call(job, test, module, result)


def _call(job: Job, test: dict[str, Any], module: ModuleType, result: int) -> None:
    """Define what the answer defines, evaluate the entry, call it if arguments are given, and say what came back."""
    space = module.__dict__
    try:
        for name in ("prelude", "code", "setup"):
            exec(job[name], space)  # noqa: S102 - inside the sandbox
        value = eval(compile(test["entry"], "test.py", "eval"), space)  # noqa: S307 - inside the sandbox
        if "arguments" in test:
            positional, named = decode(test["arguments"], space)
            value = value(*positional, **named)
        said = json_text({"value": encode(value)})
    except BaseException as error:  # noqa: BLE001 - whatever an answer raises is its result
        sys.__excepthook__(type(error), error, error.__traceback__)
        said = json_text({"raised": type(error).__name__})
    _write_all(result, said.encode())
    os._exit(0)


def _watch(child: int, readers: dict[int, str], job: Job) -> dict[str, Any]:
    """Collect what the child writes until it ends, or stop it at a limit; its process group ends with it."""
    chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": [], "result": []}
    room, stopped, status = job["output_bytes"], None, None
    deadline = time.monotonic() + job["wall_seconds"]
    while status is None and stopped is None:
        room -= _collect(readers, chunks, min(0.05, max(0.0, deadline - time.monotonic())))
        ended, code = os.waitpid(child, os.WNOHANG)
        status = code if ended else None
        if room < 0:
            stopped = "output"
        elif status is None and time.monotonic() >= deadline:
            stopped = "time"
    while status is not None and room >= 0 and (read := _collect(readers, chunks, 0.0)):
        room -= read
    _kill_group(child)
    if status is None:
        status = os.waitpid(child, 0)[1]
    for reader in readers:
        os.close(reader)
    exit_code = os.waitstatus_to_exitcode(status)
    if exit_code == -SIGXCPU:
        stopped = "time"
    text = {name: b"".join(parts).decode(errors="replace") for name, parts in chunks.items()}
    return {
        "stdout": text["stdout"],
        "stderr": text["stderr"][-STDERR_BYTES:],
        "result": text["result"],
        "exit": exit_code,
        "stopped": stopped or ("output" if room < 0 else None),
    }


def _collect(readers: dict[int, str], chunks: dict[str, list[bytes]], seconds: float) -> int:
    """Read what is there within a time; a pipe whose other ends are closed is left out from then on."""
    if not readers:
        time.sleep(min(seconds, 0.001))
        return 0
    count = 0
    for reader in select.select(list(readers), [], [], seconds)[0]:
        data = os.read(reader, READ_BYTES)
        if data:
            chunks[readers[reader]].append(data)
        else:
            del readers[reader]
            os.close(reader)
        count += len(data)
    return count


def _kill_group(child: int) -> None:
    try:
        os.killpg(child, SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _input_file(text: str) -> int:
    """A descriptor to read the text from, of a file that has no name."""
    path = f"/tmp/input-{os.getpid()}"  # noqa: S108 - inside the sandbox
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.unlink(path)  # noqa: PTH108 - pathlib costs milliseconds to import
    _write_all(descriptor, text.encode(errors="surrogatepass"))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
