"""The parts of an answer that are compared one by one: members of lists and sets, values behind their names."""

from collections.abc import Iterator
from dataclasses import dataclass

from openreason_dagster.domain.verification.formulas.equality import variables
from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Measured,
    Node,
    Number,
    Operation,
    Relation,
    Several,
    Symbol,
    UnreadableError,
    Words,
    mapped,
    walk,
)

MOST_ELEMENTS = 80
_COUNTING_SETS = ("ℤ", "ℕ", "ℝ", "ℚ", "ℂ")


@dataclass(frozen=True)
class Element:
    """One value, and what stood left of its equals sign."""

    value: Node
    name: Node | None = None
    relation: Relation | None = None
    """The equation that it is one side of."""


def elements(node: Node) -> list[Element]:
    """The members of a list or set, each sign of `±` worked out; a single value is a list of one.

    Raises:
        UnreadableError: there are more than `MOST_ELEMENTS`.
    """
    found = [part for element in _listed(node, None) for part in _signed(element)]
    counted = [part for part in found if not _is_counting(part.value)]
    if len(found) > MOST_ELEMENTS:
        raise UnreadableError(f"{len(found)} members, the limit is {MOST_ELEMENTS}")
    return _in_tuples(counted or found)


def is_name(node: Node) -> bool:
    """Whether a side of an equation only names what the other side is worth."""
    match node:
        case Symbol(name=name):
            return name not in ("π", "e", "i", "∞")
        case Operation(name=operation, arguments=arguments):
            if operation.startswith("call:"):
                return True
            return operation in ("abs", "ratio", "frac", "/", "*") and all(is_name(part) for part in arguments)
        case Bracketed(items=items):
            return all(isinstance(item, Symbol) for item in items)
        case Measured(value=value):
            return is_name(value)
        case _:
            return isinstance(node, Words)


def is_loose_name(node: Node) -> bool:
    """Whether a side is made of variables alone, as in `a + b = 5`."""
    has_numbers = any(isinstance(part, Number) for part in walk(node))
    return is_name(node) or (bool(variables(node)) and not has_numbers)


def value_side(relation: Relation) -> tuple[Node | None, Node] | None:
    """Name and value of a chain of equalities; None when it is none.

    The value is the last side; or the side before a sign of approximation, which is exact.
    """
    if not set(relation.signs) <= {"=", "≈", "≡"}:
        return None
    sides, signs = list(relation.sides), list(relation.signs)
    if len(sides) == 2 and is_name(sides[1]) and not is_name(sides[0]) and not variables(sides[0]):
        sides.reverse()
    name = sides[0] if variables(sides[0]) or isinstance(sides[0], Words) else None
    exact = signs.index("≈") if "≈" in signs else len(sides) - 1
    return name, sides[exact if exact > 0 or name is None else 1]


def _listed(node: Node, name: Node | None) -> Iterator[Element]:
    match node:
        case Several(items=items):
            for item in items:
                listed = list(_listed(item, name))
                name = listed[-1].name if isinstance(item, Relation) and listed else name
                yield from listed
        case Bracketed(opening="\\{" | "{", items=items):
            for item in items:
                yield from _listed(item, name)
        case Relation(sides=(left, right), signs=("=" | "≡",)) if is_name(left) and not isinstance(right, Relation):
            listed = list(_listed(right, left))
            yield from listed if len(listed) > 1 else [Element(listed[0].value, left, node)]
        case Relation(signs=("=",)):
            yield Element(node, name, node)
        case Relation(sides=(left, Bracketed(opening="\\{" | "{") as right), signs=("∈",)):
            yield from _listed(right, left)
        case Relation(sides=(left, Bracketed() | Operation() as right), signs=("∈",)):
            yield Element(right, left)
        case Measured(value=Several() | Bracketed() as value):
            yield from _listed(value, name)
        case _:
            yield Element(node, name)


def _signed(element: Element) -> Iterator[Element]:
    """The element once for each sign of `±`."""
    if not any(isinstance(part, Operation) and part.name in ("±", "∓") for part in walk(element.value)):
        yield element
        return
    for sign in ("±", "∓"):

        def chosen(part: Node, plus: str = sign) -> Node | None:
            if isinstance(part, Operation) and part.name in ("±", "∓"):
                below = mapped(part.arguments[0], chosen)
                return below if part.name == plus else Operation("-", (below,))
            return None

        relation = None if element.relation is None else mapped(element.relation, chosen)
        yield Element(mapped(element.value, chosen), element.name, relation if isinstance(relation, Relation) else None)


def _is_counting(node: Node) -> bool:
    """Whether the part only says over which numbers a variable runs, as in `k ∈ ℤ`."""
    return (
        isinstance(node, Relation)
        and node.signs == ("∈",)
        and isinstance(node.sides[1], Symbol)
        and node.sides[1].name in _COUNTING_SETS
    )


def counter(node: Node) -> Node | None:
    """The one variable that runs over whole numbers, as said beside the values; None without or with several."""
    found = [
        part.value.sides[0]
        for part in _listed(node, None)
        if isinstance(part.value, Relation) and _is_counting(part.value)
    ]
    return found[0] if len(found) == 1 else None


def _in_tuples(found: list[Element]) -> list[Element]:
    """Values whose names come round again, as in `p=5, q=2; p=7, q=2`, as one tuple for each round."""
    names = [element.name for element in found]
    first = list(dict.fromkeys(names))
    length = len(first)
    if None in names or length < 2 or len(names) == length or names != first * (len(names) // length):
        return found
    rounds = [found[start : start + length] for start in range(0, len(found), length)]
    return [Element(Bracketed("(", tuple(part.value for part in one), ")")) for one in rounds]
