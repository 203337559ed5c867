"""How each function and command takes its arguments."""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Matrix,
    Node,
    Number,
    Operation,
    Several,
    Symbol,
    UnreadableError,
)

if TYPE_CHECKING:
    from openreason_dagster.domain.verification.formulas.atoms import AtomReader

_ONE_ARGUMENT = ("sqrt", "abs", "floor", "ceil", "cbrt", "exp")
_MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array")


def read_function(reader: "AtomReader", name: str) -> Node:
    """The function of that name with its arguments, which are next.

    Raises:
        UnreadableError: the arguments are missing or the command is not of mathematics.
    """
    if name in ("end", "modulo", "choose"):
        raise UnreadableError(f"{name} stands where a value should")
    special = _SPECIAL.get(name)
    return special(reader, name) if special else _elementary(reader, name)


def _of_two(reader: "AtomReader", name: str) -> Node:
    return Operation(name, (_group(reader), _group(reader)))


def _group(reader: "AtomReader") -> Node:
    r"""An argument in braces, or one character, as in `\frac12`."""
    token = reader.next
    if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
        reader.tokens[reader.position] = type(token)("number", token.text[1:])
        return reader.number(token.text[0])
    return reader.group()


def _root(reader: "AtomReader", name: str) -> Node:
    del name
    degree: Node = Number(Fraction(2))
    if reader.accepts("["):
        degree = reader.sum()
        reader.expect("]")
    return Operation("root", (_one_value(reader.group()), degree))


def _one_value(node: Node) -> Node:
    if isinstance(node, Several | Bracketed):
        raise UnreadableError("a function of one argument got several")
    return node


def _of_several(reader: "AtomReader", name: str) -> Node:
    inside = reader.group()
    if not isinstance(inside, Bracketed) or not inside.items:
        raise UnreadableError(f"{name} needs several arguments in brackets")
    return Operation(name, inside.items)


def _marked(reader: "AtomReader", name: str) -> Node:
    """A variable whose name is a decorated letter, a set of numbers, or a part of a figure."""
    if name == "figure":
        letters = ""
        while reader.next.kind == "letter" or reader.next_text == "_":
            letters += reader.flat_group() if reader.take().text == "_" else reader.tokens[reader.position - 1].text
        return Symbol(f"∠{letters}")
    inner = reader.flat_group()
    if name == "blackboard":
        return Symbol({"R": "ℝ", "Z": "ℤ", "N": "ℕ", "Q": "ℚ", "C": "ℂ"}.get(inner, inner))
    while reader.next_text == "_":
        inner += reader.take().text + reader.flat_group()
    return Symbol(f"{name} {inner}")


def _matrix(reader: "AtomReader", name: str) -> Node:
    del name
    kind = reader.flat_group()
    if kind not in (*_MATRICES, "vmatrix"):
        raise UnreadableError(f"{kind} is no matrix")
    if kind == "array":
        reader.flat_group()
    rows: list[tuple[Node, ...]] = []
    while reader.next.kind != "function" or reader.next.text != "end":
        rows.append(_row(reader))
        if not reader.accepts("\\\\"):
            break
    if reader.take().text != "end" or reader.flat_group() != kind:
        raise UnreadableError("the matrix has no end")
    if len({len(row) for row in rows}) != 1:
        raise UnreadableError("the rows of the matrix differ in length")
    if kind == "vmatrix":
        raise UnreadableError("a determinant is not worked out")
    return Matrix(tuple(rows))


def _row(reader: "AtomReader") -> tuple[Node, ...]:
    entries = [reader.sum()]
    while reader.accepts("&"):
        entries.append(reader.sum())
    return tuple(entries)


def _elementary(reader: "AtomReader", name: str) -> Node:
    """A function of one argument, with the power between name and argument, and the base of a logarithm."""
    base: Node | None = None
    power: Node | None = None
    while reader.next_text in ("_", "^"):
        if reader.take().text == "_":
            base = reader.group()
        else:
            power = reader.exponent()
    if name == "log" and base is not None:
        name = "log_base"
    argument = _argument(reader, name)
    inverse = power == Operation("-", (Number(Fraction(1)),))
    if inverse and name in ("sin", "cos", "tan", "cot", "sec", "csc"):
        return Operation(f"a{name}", (argument,))
    node = Operation(name, (argument,) if base is None else (argument, base))
    return node if power is None else Operation("^", (node, power))


def _argument(reader: "AtomReader", name: str) -> Node:
    """What the function applies to: a bracket or group, else the factors up to the next sign or function."""
    if reader.next_text in ("(", "{", "[") or name in _ONE_ARGUMENT:
        return _one_value(reader.factor() if reader.next_text == "{" else reader.group())
    if reader.next_text == "|":
        return reader.factor()
    node = reader.factor()
    while reader.next.kind == "letter" or reader.next_text == "{":
        node = reader.joined(node, reader.factor())
    return node


def _boxed(reader: "AtomReader", name: str) -> Node:
    del name
    return reader.group()


_SPECIAL: dict[str, Callable[["AtomReader", str], Node]] = {
    **dict.fromkeys(("frac", "binom"), _of_two),
    **dict.fromkeys(("gcd", "lcm", "max", "min"), _of_several),
    **dict.fromkeys(("blackboard", "mark", "figure", "overline", "dot"), _marked),
    "sqrt": _root,
    "boxed": _boxed,
    "begin": _matrix,
}
