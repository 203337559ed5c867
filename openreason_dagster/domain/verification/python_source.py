"""Python source as a syntax tree, read by one thread at a time."""

import ast
import threading
from typing import Literal, overload

_READING = threading.Lock()


@overload
def parsed(text: str, *, mode: Literal["exec"] = "exec") -> ast.Module: ...
@overload
def parsed(text: str, *, mode: Literal["eval"]) -> ast.Expression: ...
def parsed(text: str, *, mode: Literal["exec", "eval"] = "exec") -> ast.Module | ast.Expression:
    """As `ast.parse`.

    CPython before 3.11.8 and 3.12.2 keeps one count of depth for all threads, and raises SystemError if two read at the
    same time (python/cpython issue 106905).

    Raises:
        SyntaxError, ValueError, RecursionError: the text is no Python.
    """
    with _READING:
        return ast.parse(text, mode="eval") if mode == "eval" else ast.parse(text)
