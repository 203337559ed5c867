"""The names that answers give their values, and the variables bound in them."""

from openreason_dagster.domain.verification.formulas.equality import same_expression
from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Node,
    Operation,
    Symbol,
    UnreadableError,
    mapped,
)


def same_name(one: Node, other: Node) -> bool:
    """Whether two names can be of the same thing; only plain variables and functions tell things apart."""
    match one, other:
        case Symbol(name=a), Symbol(name=b):
            return a == b or (("_" in a) != ("_" in b) and a.partition("_")[0] == b.partition("_")[0])
        case Operation(name=a), Operation(name=b) if a.startswith("call:") and b.startswith("call:"):
            return a == b
        case Bracketed(items=a), Bracketed(items=b):
            return a == b
        case Operation(), Operation():
            return _is_same_expression(one, other)
        case _:
            return True


def _is_same_expression(one: Node, other: Node) -> bool:
    try:
        return same_expression(one, other)
    except UnreadableError:
        return one == other


def with_arguments_of(expected: Node, found: Node, value: Node) -> Node:
    """The value of `f(t) = …` with the variable called as in the reference's `f(x) = …`."""
    match expected, found:
        case Operation(arguments=(Symbol() as wanted,)), Operation(arguments=(Symbol() as used,)):
            return mapped(value, lambda part: wanted if part == used else used if part == wanted else None)
        case _:
            return value
