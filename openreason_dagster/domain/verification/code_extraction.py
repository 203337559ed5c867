"""The program inside an answer: the last fenced block of the asked language."""

import re
from collections.abc import Iterator

_NAMES = {
    "python": {"python", "py", "python3", "python2", "pypy3"},
    "cpp": {"cpp", "c++", "cc", "cxx", "c++17", "c++20"},
    "c": {"c", "h"},
    "javascript": {"javascript", "js", "node", "nodejs"},
    "java": {"java"},
    "go": {"go", "golang"},
    "rust": {"rust", "rs"},
    "bash": {"bash", "sh", "shell"},
}
_OPENING = re.compile(r"^([ \t>]*)(`{3,}|~{3,})[ \t]*\{?\.?([\w+#-]*)[^`\n]*$")


def extract_program(text: str, language: str) -> str | None:
    """The last block marked as that language, else the last that is not marked; None without either or if it is blank.

    A block that never closes ends with the text.
    """
    blocks = [(name, code) for name, code in _blocks(text) if code.strip()]
    marked = [code for name, code in blocks if name in _NAMES[language]]
    unmarked = [code for name, code in blocks if not name]
    chosen = marked or unmarked
    return chosen[-1] if chosen else None


def fenced(program: str) -> str:
    """The program as an answer would show it, within a fence that it cannot close itself."""
    runs = re.findall(r"`{3,}", program)
    fence = "`" * (1 + max(map(len, runs), default=2))
    return f"{fence}\n{program}\n{fence}"


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language (lower case) and content of each fenced block; what indents the fence is taken off its lines."""
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    for line in lines:
        opening = _OPENING.match(line)
        if opening is None:
            continue
        indent, fence, name = opening.groups()
        content: list[str] = []
        for inner in lines:
            bare = inner.strip(" \t>")
            if len(bare) >= len(fence) and set(bare) == {fence[0]}:
                break
            content.append(inner.removeprefix(indent))
        yield name.lower(), "\n".join(content) + "\n"
