"""Python values as JSON that says each type: a list of nodes, the first of which is the value itself.

A container holds the positions of its parts, so that depth, sharing and cycles cost nothing. What is no plain value
becomes `["object", class name, {attribute: position}]` if it has attributes, else `["opaque", type name]`.
"""

from typing import Any

MOST_NODES = 1_000_000
Node = list[Any]


def encode(root: object) -> list[Node]:
    """The nodes of a value; values of a subclass of a built-in type count as that type's.

    Raises:
        ValueError: it has more than `MOST_NODES` parts.
    """
    order: list[object] = []
    positions: dict[int, int] = {}
    pending = [root]
    while pending:
        value = pending.pop()
        if id(value) in positions:
            continue
        positions[id(value)] = len(order)
        order.append(value)
        pending.extend(_parts(value))
        if len(order) > MOST_NODES:
            raise ValueError("the value has too many parts")
    return [_node(value, positions) for value in order]


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return [part for item in dict.items(value) for part in item]
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return list(_attributes(value).values())


def _attributes(value: object) -> dict[str, object]:
    if isinstance(value, str | bytes | int | float | complex | type) or callable(value):
        return {}
    attributes = getattr(value, "__dict__", None)
    return attributes if isinstance(attributes, dict) else {}


def _node(value: object, positions: dict[int, int]) -> Node:
    if isinstance(value, dict):
        return ["dict", [[positions[id(key)], positions[id(part)]] for key, part in dict.items(value)]]
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return [kind.__name__, [positions[id(part)] for part in _parts(value)]]
    scalar = _scalar_node(value)
    if scalar is not None:
        return scalar
    attributes = _attributes(value)
    if attributes:
        return ["object", type(value).__name__, {str(name): positions[id(part)] for name, part in attributes.items()}]
    return ["opaque", type(value).__name__]


def _scalar_node(value: object) -> Node | None:  # noqa: PLR0911 - a line per type
    if value is None:
        return ["none"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", hex(int(value))]
    if isinstance(value, float):
        return ["float", float.__repr__(value)]
    if isinstance(value, complex):
        return ["complex", float.__repr__(value.real), float.__repr__(value.imag)]
    if isinstance(value, str):
        return ["str", str.__str__(value)]
    return ["bytes", bytes(value).hex()] if isinstance(value, bytes) else None


def decode(nodes: list[Node], classes: dict[str, Any]) -> Any:  # noqa: ANN401 - any value at all
    """The value of some nodes. Objects become instances of the classes given by name, and no code of these is called.

    Raises:
        ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError: `encode` did not write the nodes,
            a class is missing, or there is an opaque value.
    """
    return _value(nodes, 0, classes, {})


def _value(nodes: list[Node], position: int, classes: dict[str, Any], known: dict[int, Any]) -> Any:  # noqa: ANN401
    if position in known:
        return known[position]
    kind, *rest = nodes[position]
    if kind in {"list", "dict", "object"}:
        return _mutable(nodes, position, classes, known)
    if kind in {"tuple", "set", "frozenset"}:
        parts = [_value(nodes, part, classes, known) for part in rest[0]]
        made: Any = {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](parts)
    else:
        made = _scalar(kind, rest)
    known[position] = made
    return made


def _mutable(nodes: list[Node], position: int, classes: dict[str, Any], known: dict[int, Any]) -> Any:  # noqa: ANN401
    """Made empty first, because its parts may refer to it."""
    kind, *rest = nodes[position]
    made: Any = [] if kind == "list" else {} if kind == "dict" else object.__new__(classes[rest[0]])
    known[position] = made
    if kind == "list":
        made.extend([_value(nodes, part, classes, known) for part in rest[0]])
    elif kind == "dict":
        for key, part in rest[0]:
            made[_value(nodes, key, classes, known)] = _value(nodes, part, classes, known)
    else:
        for name, part in rest[1].items():
            made.__dict__[name] = _value(nodes, part, classes, known)
    return made


def _scalar(kind: str, rest: list[Any]) -> object:  # noqa: PLR0911 - a line per type
    if kind == "none":
        return None
    if kind == "bool":
        return rest[0] is True
    if kind == "int":
        return int(rest[0], 16)
    if kind == "float":
        return float(rest[0])
    if kind == "complex":
        return complex(float(rest[0]), float(rest[1]))
    if kind == "str":
        return str(rest[0])
    if kind == "bytes":
        return bytes.fromhex(rest[0])
    raise ValueError(f"no plain value: {kind}")
