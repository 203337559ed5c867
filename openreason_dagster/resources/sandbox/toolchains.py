"""How a program of each language is compiled and run inside the sandbox, and which files of this machine that needs."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

SOURCE_FOLDER = "/work"
ARTIFACT = f"{SOURCE_FOLDER}/program"
_BUILT = "/tmp/program"  # noqa: S108 - the sandbox's own private folder
_JAVA_PUBLIC_CLASS = re.compile(r"^\s*public\s+(?:final\s+|abstract\s+)*class\s+(\w+)", re.MULTILINE)
_JAVA_CLASS = re.compile(r"\bclass\s+(\w+)")
_JAVA_MAIN = re.compile(r"\bstatic\s+void\s+main\s*\(")


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """What runs one program of a language."""

    file_name: str
    """Name of the source file in `SOURCE_FOLDER`."""
    run: tuple[str, ...]
    build: str | None = None
    """Shell text that compiles the source to `_BUILT`; None for languages that need no compiling."""
    folders: tuple[str, ...] = ()
    """Folders of this machine, besides the system's, that have to be seen read-only."""
    memory_limit: Literal["as", "data"] = "as"
    """What bounds a process: its address space, or its writable data where a run time reserves more than it uses."""


def toolchain(language: str, source: str, memory_megabytes: int) -> Toolchain | str:
    """The toolchain for a program, or why there is none on this machine."""
    finder = _FINDERS.get(language)
    if finder is None:
        return f"language {language!r} is unknown; expected one of {', '.join(_FINDERS)}"
    return finder(source, memory_megabytes)


def _python(_source: str, _memory_megabytes: int) -> Toolchain | str:
    home = Path(sys.base_prefix).resolve()  # a link would point to nothing inside
    executable = home / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not executable.exists():
        return f"absent toolchain: {executable} does not exist"
    return Toolchain(
        file_name="answer.py",
        run=(str(executable), "-I", "-S", f"{SOURCE_FOLDER}/answer.py"),
        folders=(str(home),),
    )


def _compiled_by(command: str, file_name: str, options: str) -> Callable[[str, int], Toolchain | str]:
    def find(_source: str, _memory_megabytes: int) -> Toolchain | str:
        compiler = shutil.which(command)
        if compiler is None:
            return _absent(command)
        build = f"{compiler} {options} -o {_BUILT} {SOURCE_FOLDER}/{file_name} -lm"
        return Toolchain(file_name=file_name, run=(ARTIFACT,), build=build)

    return find


def _javascript(_source: str, memory_megabytes: int) -> Toolchain | str:
    node = shutil.which("node")
    if node is None:
        return _absent("node")
    heap = f"--max-old-space-size={max(32, memory_megabytes * 3 // 4)}"
    return Toolchain(
        file_name="answer.js",
        run=(node, heap, f"{SOURCE_FOLDER}/answer.js"),
        folders=_home_of(node),
        memory_limit="data",
    )


def _java(source: str, memory_megabytes: int) -> Toolchain | str:
    compiler = shutil.which("javac")
    if compiler is None:
        return _absent("javac")
    binaries = Path(compiler).resolve().parent
    public, main = _JAVA_PUBLIC_CLASS.search(source), _JAVA_MAIN.search(source)
    classes = [match.group(1) for match in _JAVA_CLASS.finditer(source, 0, main.start() if main else len(source))]
    name = public.group(1) if public else classes[-1] if classes else "Main"
    heap = f"-Xmx{max(32, memory_megabytes // 2)}m"
    return Toolchain(
        file_name=f"{name}.java",
        build=(
            f"{binaries}/javac -J-Xshare:auto -encoding UTF-8 -d /tmp/classes {SOURCE_FOLDER}/{name}.java && "
            f"{binaries}/jar --create --file {_BUILT} -C /tmp/classes ."
        ),
        run=(f"{binaries}/java", heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ARTIFACT, name),
        folders=(*_home_of(compiler), *(str(path) for path in sorted(Path("/etc").glob("java*")))),
        memory_limit="data",
    )


def _go(_source: str, _memory_megabytes: int) -> Toolchain | str:
    compiler = shutil.which("go")
    if compiler is None:
        return _absent("go")
    settings = "GOCACHE=/tmp/cache GOPATH=/tmp/go GO111MODULE=off CGO_ENABLED=0 GOTELEMETRY=off"
    return Toolchain(
        file_name="answer.go",
        build=f"{settings} {Path(compiler).resolve()} build -o {_BUILT} {SOURCE_FOLDER}/answer.go",
        run=(ARTIFACT,),
        folders=_home_of(compiler),
        memory_limit="data",
    )


def _rust(_source: str, _memory_megabytes: int) -> Toolchain | str:
    compiler = shutil.which("rustc")
    if compiler is None or shutil.which("cc") is None:
        return _absent("rustc" if compiler is None else "cc")
    home = _rust_home(compiler)
    if home is None:
        return f"absent toolchain: {compiler} does not say where its files are"
    return Toolchain(
        file_name="answer.rs",
        build=f"{home}/bin/rustc --edition 2021 -O -o {_BUILT} {SOURCE_FOLDER}/answer.rs",
        run=(ARTIFACT,),
        folders=(home,),
    )


@cache
def _rust_home(compiler: str) -> str | None:
    """Where the real compiler is; the one found may be rustup's, which only passes on."""
    command = [compiler, "--print", "sysroot"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - a found path
    return found.stdout.strip() or None


def _bash(_source: str, _memory_megabytes: int) -> Toolchain | str:
    shell = shutil.which("bash")
    return Toolchain(file_name="answer.sh", run=(shell, f"{SOURCE_FOLDER}/answer.sh")) if shell else _absent("bash")


def _home_of(command: str) -> tuple[str, ...]:
    """The folder above a command's real `bin`, unless the system's folders hold it."""
    home = Path(command).resolve().parent.parent
    return () if home.is_relative_to("/usr") else (str(home),)


def _absent(command: str) -> str:
    return f"absent toolchain: {command} is not installed on this machine"


_FINDERS: dict[str, Callable[[str, int], Toolchain | str]] = {
    "python": _python,
    "cpp": _compiled_by("g++", "answer.cpp", "-std=c++17 -O2 -pipe"),
    "c": _compiled_by("gcc", "answer.c", "-std=c11 -O2 -pipe"),
    "javascript": _javascript,
    "java": _java,
    "go": _go,
    "rust": _rust,
    "bash": _bash,
}
