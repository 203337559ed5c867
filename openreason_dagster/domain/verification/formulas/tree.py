"""The forms a mathematical answer can take once it is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

MODULO = "modulo"
"""The first word of what stands behind a remainder in place of a unit."""


class UnreadableError(ValueError):
    """The text is not a formula that this package reads, or its value cannot be told."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written; ``places`` counts the digits after the decimal point, None for an integer."""

    value: Fraction
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, with its index and primes in the name."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or function applied to arguments; an unknown function keeps its own name after a colon."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and the words or unit written behind it."""

    value: "Node"
    unit: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is no formula."""

    text: str


@dataclass(frozen=True, slots=True)
class Bracketed:
    """Several items in brackets: a tuple, an interval or a set, by the kind of bracket."""

    opening: str
    items: tuple["Node", ...]
    closing: str


@dataclass(frozen=True, slots=True)
class Several:
    """Items side by side without brackets; ``joints`` are the separators between them."""

    items: tuple["Node", ...]
    joints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """Sides with a sign such as `=` or `<` between each two."""

    sides: tuple["Node", ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of entries."""

    rows: tuple[tuple["Node", ...], ...]


Node: TypeAlias = Number | Symbol | Operation | Measured | Words | Bracketed | Several | Relation | Matrix


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node."""
    match node:
        case Operation(arguments=below) | Bracketed(items=below) | Several(items=below) | Relation(sides=below):
            return below
        case Measured(value=value):
            return (value,)
        case Matrix(rows=rows):
            return tuple(entry for row in rows for entry in row)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def symbols(node: Node) -> frozenset[str]:
    """The names of the variables in a node."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Symbol))


def rebuilt(node: Node, below: tuple[Node, ...]) -> Node:
    """The node with other children in the places of its own."""
    changed: Node = node
    match node:
        case Operation(name=name):
            changed = Operation(name, below)
        case Bracketed(opening=opening, closing=closing):
            changed = Bracketed(opening, below, closing)
        case Several(joints=joints):
            changed = Several(below, joints)
        case Relation(signs=signs):
            changed = Relation(below, signs)
        case Measured(unit=unit):
            changed = Measured(below[0], unit)
        case Matrix(rows=rows):
            entries = iter(below)
            changed = Matrix(tuple(tuple(next(entries) for _ in row) for row in rows))
    return changed


def mapped(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """The node with every part for which ``change`` gives something replaced by that."""
    changed = change(node)
    if changed is not None:
        return changed
    below = children(node)
    return rebuilt(node, tuple(mapped(child, change) for child in below)) if below else node
