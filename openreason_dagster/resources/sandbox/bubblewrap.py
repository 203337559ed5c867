"""The sandbox of this machine: bubblewrap with a system call filter, a user of its own, and limits on every resource.

What is not protected: the kernel's own memory for what a program makes it hold (many empty files, full pipes) is
bounded only by time and by the number of processes; and the kernel itself is shared with the host. Run where nobody's
keys lie, or on a server, when the models are adversaries.
"""

import itertools
import json
import os
import queue
import select
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Self

from openreason_dagster.domain.errors import SandboxError
from openreason_dagster.domain.sandbox import Limits, Outcome, Program, Status
from openreason_dagster.resources.sandbox.confined_process import run_confined
from openreason_dagster.resources.sandbox.seccomp import seccomp_filter
from openreason_dagster.resources.sandbox.toolchains import ARTIFACT, SOURCE_FOLDER, Toolchain, toolchain

MOST_AT_ONCE = 256
_FIRST_IDENTITY = 700_000_000
"""User ids from here on belong to nobody; each run has its own, so that processes are counted for it alone."""
_COMPILE_LIMITS = Limits(
    cpu_seconds=60, wall_seconds=90, memory_megabytes=4_000, file_megabytes=256, output_bytes=64_000_000
)
_STACK_BYTES = 32 << 20
_OPEN_FILES = 256
_LONGEST_END_SECONDS = 30.0
_TEMPORARY = "/tmp"  # noqa: S108 - the sandbox's own
_HOST_FILES = ("/etc/ld.so.cache", "/etc/alternatives")
_REMEDY = (
    "Install it (Debian, Ubuntu: apt-get install bubblewrap), or set OPENREASON_SANDBOX to the URL of a SandboxFusion "
    "or Piston server. Without a sandbox prompts of kind `code` cannot be used."
)


class Bubblewrap:
    """Runs programs with bubblewrap; any number of threads may run programs at once, up to `MOST_AT_ONCE`."""

    def __init__(self, executable: str, version: str) -> None:
        self._executable = executable
        self._version = version
        self._filter = seccomp_filter()
        self._identities: queue.SimpleQueue[int] = queue.SimpleQueue()
        first = _FIRST_IDENTITY + os.getpid() % 1_000_000 * MOST_AT_ONCE
        for identity in range(first, first + MOST_AT_ONCE):
            self._identities.put(identity)

    @classmethod
    def find(cls) -> Self:
        """The installed bubblewrap, after a trial run.

        Raises:
            SandboxError: it is not installed, or cannot confine a program here.
        """
        for name in ("bwrap", "prlimit", "setpriv"):
            if shutil.which(name) is None:
                raise SandboxError(f"the sandbox needs the program {name}, which is not installed. {_REMEDY}")
        executable = str(shutil.which("bwrap"))
        version = run_confined([executable, "--version"], b"", _COMPILE_LIMITS).stdout.decode(errors="replace").strip()
        sandbox = cls(executable, version)
        sandbox._try_out()
        return sandbox

    @property
    def description(self) -> str:
        """Name and version, e.g. `bubblewrap 0.8.0`."""
        return self._version

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> Iterator[Outcome]:
        """As `Sandbox.run` says: compiled once, and each input in a sandbox of its own."""
        found = toolchain(program.language, program.source, limits.memory_megabytes)
        if isinstance(found, str):
            yield Outcome(status=Status.NO_TOOLCHAIN, message=found)
            return
        files = {f"{SOURCE_FOLDER}/{found.file_name}": program.source.encode(errors="surrogatepass")}
        if found.build is not None:
            built = self._build(found, files)
            if built.status is not Status.EXITED:
                yield built
                return
            files = {ARTIFACT: built.stdout}
        for stdin in inputs:
            yield self._confined(found.run, stdin, limits, chain=found, files=files)

    def _build(self, chain: Toolchain, files: dict[str, bytes]) -> Outcome:
        """Compile; the outcome's stdout is what was built."""
        script = f"({chain.build}) >&2 && cat /tmp/program"
        outcome = self._confined(("/bin/sh", "-c", script), b"", _COMPILE_LIMITS, chain=chain, files=files)
        is_built = outcome.exit_code == 0 and bool(outcome.stdout)
        if is_built or outcome.status in {Status.FAILED, Status.TIMED_OUT}:
            return outcome
        said = outcome.stderr.decode(errors="replace").strip()[:500]
        reason = outcome.message or f"the compiler ended with code {outcome.exit_code}"
        return Outcome(status=Status.COMPILE_FAILED, stderr=outcome.stderr, message=f"{reason}: {said}")

    def _confined(
        self, command: Sequence[str], stdin: bytes, limits: Limits, *, chain: Toolchain, files: dict[str, bytes]
    ) -> Outcome:
        identity = self._identities.get()
        try:
            with ExitStack() as stack:
                descriptors = {path: _memory_file(stack, data) for path, data in files.items()}
                filter_descriptor = _memory_file(stack, self._filter)
                reader, writer = os.pipe()
                stack.callback(os.close, reader)
                stack.callback(os.close, writer)
                full = [
                    *(self._executable, "--json-status-fd", str(writer)),
                    *_NAMESPACES,
                    *_mounts(chain.folders, limits),
                    *_files(descriptors),
                    *("--chdir", _TEMPORARY, "--remount-ro", "/", "--seccomp", str(filter_descriptor)),
                    *_privileges(identity),
                    *_limits(limits, chain),
                    *command,
                ]
                outcome = run_confined(full, stdin, limits, files=[*descriptors.values(), filter_descriptor, writer])
                return _after_the_last_process(outcome, _reports(reader))
        finally:
            self._identities.put(identity)

    def _try_out(self) -> None:
        trial = Limits(cpu_seconds=10, wall_seconds=30, memory_megabytes=256)
        outcome = self._confined(("/bin/sh", "-c", "echo ready"), b"", trial, chain=_TRIAL, files={})
        if outcome.stdout != b"ready\n":
            said = outcome.stderr.decode(errors="replace").strip() or outcome.message
            raise SandboxError(
                f"{self._version} is installed but cannot confine a program here: {said}. A container needs the right "
                f"to make namespaces (user namespaces, or CAP_SYS_ADMIN for root). {_REMEDY}"
            )


_TRIAL = Toolchain(file_name="", run=())
_NAMESPACES = (
    "--unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try --hostname sandbox "
    "--die-with-parent --new-session "
    f"--clearenv --setenv PATH /usr/local/bin:/usr/bin:/bin --setenv HOME {_TEMPORARY} --setenv LANG C.UTF-8"
).split()


def _mounts(folders: Sequence[str], limits: Limits) -> list[str]:
    """The system read-only, a private /tmp of limited size, new /proc and /dev; nothing else of the host is there."""
    options = [*_system_mounts()]
    for folder in folders:
        for parent in reversed(Path(folder).parents[:-1]):
            options += ["--perms", "0755", "--dir", str(parent)]
        options += ["--ro-bind", folder, folder]
    size = str(limits.file_megabytes * 1_000_000)
    options += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    return [*options, "--perms", "1777", "--size", size, "--tmpfs", _TEMPORARY]


@cache
def _system_mounts() -> tuple[str, ...]:
    options = f"--ro-bind /usr /usr --perms 0755 --dir /etc --perms 0755 --dir {SOURCE_FOLDER}".split()
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            options += ["--ro-bind", str(path), str(path)]
    present = [name for name in _HOST_FILES if Path(name).exists()]
    return (*options, *itertools.chain.from_iterable(("--ro-bind", name, name) for name in present))


def _files(descriptors: dict[str, int]) -> list[str]:
    options = []
    for path, descriptor in descriptors.items():
        options += ["--perms", "0555", "--ro-bind-data", str(descriptor), path]
    return options


def _privileges(identity: int) -> list[str]:
    """End bubblewrap's options; as root, become a user that owns nothing; otherwise a user namespace does that."""
    if os.geteuid() != 0:
        return ["--unshare-user", "--uid", "65534", "--gid", "65534", "--"]
    return (
        "--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP -- "
        f"setpriv --reuid {identity} --regid {identity} --clear-groups "
        "--inh-caps=-all --bounding-set=-all --no-new-privs --"
    ).split()


def _limits(limits: Limits, chain: Toolchain) -> list[str]:
    cpu = max(1, round(limits.cpu_seconds))
    return [
        "prlimit",
        f"--cpu={cpu}:{cpu + 1}",
        f"--{chain.memory_limit}={limits.memory_megabytes * 1_000_000}",
        f"--fsize={limits.file_megabytes * 1_000_000}",
        f"--nproc={limits.processes}",
        f"--nofile={_OPEN_FILES}",
        f"--stack={_STACK_BYTES}",
        "--core=0",
        "--memlock=0",
        "--msgqueue=0",
        "--",
    ]


def _reports(descriptor: int) -> dict[str, object]:
    """What bubblewrap says of a run: `child-pid` once it has made the sandbox, `exit-code` once the program ended."""
    os.set_blocking(descriptor, False)
    try:
        lines = os.read(descriptor, 1 << 16).splitlines()
    except BlockingIOError:
        return {}
    return {key: value for line in lines for key, value in json.loads(line).items()}


def _after_the_last_process(outcome: Outcome, reports: dict[str, object]) -> Outcome:
    """The outcome, once no process of the sandbox is left: its first ends after all others have ended."""
    first = reports.get("child-pid")
    if isinstance(first, int):
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(first)
            select.select([descriptor], [], [], _LONGEST_END_SECONDS)
            os.close(descriptor)
    if outcome.status is not Status.EXITED or "exit-code" in reports:
        return outcome
    said = outcome.stderr.decode(errors="replace").strip()[-300:]
    return Outcome(status=Status.FAILED, stderr=outcome.stderr, message=f"the sandbox could not be made: {said}")


def _memory_file(stack: ExitStack, data: bytes) -> int:
    """A descriptor to read the data from, open until the stack closes."""
    descriptor = os.memfd_create("sandbox")
    stack.callback(os.close, descriptor)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
