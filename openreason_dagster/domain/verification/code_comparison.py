"""Comparing what a program printed or a function returned with what the prompt expects, outside any sandbox.

Found values come from a hostile program: they are read no further than the expected ones reach.
"""

import json
import math
from itertools import zip_longest
from typing import Any

from openreason_dagster.domain.verification.in_sandbox.value_graph import decode

_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError)
_ROOM = 16


def is_same_text(expected: str, found: str) -> bool:
    """Equal but for white space at the ends of lines and empty lines at the end."""
    return _trimmed(expected) == _trimmed(found)


def is_same_tokens(expected: str, found: str, *, tolerance: float | None = None) -> bool:
    """Equal word by word; with a tolerance, numbers may differ by it absolutely or relatively."""
    pairs = zip_longest(expected.split(), found.split())
    return all(left == right or _is_near_text(left, right, tolerance) for left, right in pairs)


def is_same_value(expected: object, nodes: object, *, as_json: bool, tolerance: float | None) -> bool:
    """Whether the nodes of a found value (`value_graph`) stand for the expected one.

    As JSON, tuples are lists, keys are texts and numbers compare by value; else types count as Python's `==` counts
    them. Malformed nodes stand for nothing.
    """
    if not isinstance(nodes, list):
        return False
    most = _parts(expected) + _ROOM
    try:
        if _reach(nodes, most) > most:
            return False
        found = decode(nodes, {})
        if as_json:
            return _is_same_json(expected, found, tolerance)
        return bool(found == expected)
    except _MALFORMED:
        return False


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _is_near_text(expected: str | None, found: str | None, tolerance: float | None) -> bool:
    if tolerance is None or expected is None or found is None or "_" in found:
        return False
    try:
        return _is_near(float(expected), float(found), tolerance)
    except ValueError:
        return False


def _is_near(expected: float, found: float, tolerance: float) -> bool:
    return expected == found or math.isclose(expected, found, rel_tol=tolerance, abs_tol=tolerance)


def _is_same_json(expected: object, found: object, tolerance: float | None) -> bool:
    if isinstance(expected, dict):
        return isinstance(found, dict) and _is_same_object(expected, found, tolerance)
    if isinstance(expected, list):
        if not isinstance(found, list | tuple) or len(found) != len(expected):
            return False
        return all(_is_same_json(left, right, tolerance) for left, right in zip(expected, found, strict=True))
    if not _is_number(expected) or not _is_number(found):
        return type(expected) is type(found) and expected == found
    assert isinstance(expected, int | float)
    assert isinstance(found, int | float)
    return expected == found if tolerance is None else _is_near(expected, found, tolerance)


def _is_same_object(expected: dict[str, object], found: dict[object, object], tolerance: float | None) -> bool:
    named = {key if isinstance(key, str) else json.dumps(key): value for key, value in found.items()}
    if len(named) != len(found) or named.keys() != expected.keys():
        return False
    return all(_is_same_json(value, named[key], tolerance) for key, value in expected.items())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reach(nodes: list[Any], most: int) -> int:
    """Parts of a found value written out as a tree, counted hardly further than `most`.

    Few nodes can stand for a tree that would take for ever to hash, because they may refer to the same parts.
    """
    pending, count = [0], 0
    while pending and count <= most:
        kind, *rest = nodes[pending.pop()]
        count += 1
        if kind in {"list", "tuple", "set", "frozenset"}:
            pending.extend(rest[0])
        elif kind == "dict":
            pending.extend(part for item in rest[0] for part in item)
    return count


def _parts(value: object) -> int:
    """How many nodes a value has at most."""
    if isinstance(value, dict):
        return 1 + sum(_parts(key) + _parts(part) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return 1 + sum(map(_parts, value))
    return 1
