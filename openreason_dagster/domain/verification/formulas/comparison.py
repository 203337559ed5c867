"""Whether an answer, once read, says the same as the reference."""

from collections.abc import Sequence

from openreason_dagster.domain.verification.formulas.elements import (
    Element,
    counter,
    elements,
    is_loose_name,
    is_name,
    value_side,
)
from openreason_dagster.domain.verification.formulas.equality import same_expression, value_pairs, variables
from openreason_dagster.domain.verification.formulas.measured import same_quantity, split_unit, units_agree
from openreason_dagster.domain.verification.formulas.names import same_name, with_arguments_of
from openreason_dagster.domain.verification.formulas.regions import is_inequality, region, same_region
from openreason_dagster.domain.verification.formulas.relations import same_equation, same_order
from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Matrix,
    Measured,
    Node,
    Operation,
    Relation,
    Symbol,
    UnreadableError,
    Words,
    mapped,
    walk,
)
from openreason_dagster.domain.verification.normalisation import folded_text

_REGION_SIGNS = ("∪", "∩", "∖")


def same_answer(reference: Node, answer: Node) -> bool:
    """Whether the answer gives all that the reference gives, and nothing else.

    Raises:
        UnreadableError: that cannot be told.
    """
    answer = _with_counter_of(reference, answer)
    expected, found = elements(reference), elements(answer)
    if _is_braced(reference) or _is_braced(answer) or all(isinstance(part.value, Bracketed) for part in expected):
        expected, found = _distinct(expected), _distinct(found)
    doubt: UnreadableError | None = None
    try:
        if _same_members(expected, found):
            return True
    except UnreadableError as error:
        doubt = error
    if _same_regions(reference, answer) or _same_tuple(reference, found) or _same_tuple(answer, expected):
        return True
    if doubt is not None:
        raise doubt
    return False


def _with_counter_of(reference: Node, answer: Node) -> Node:
    """The answer with the variable that counts its solutions called as in the reference."""
    wanted, used = counter(reference), counter(answer)
    if wanted is None or used is None or wanted == used:
        return answer
    return mapped(answer, lambda part: wanted if part == used else used if part == wanted else None)


def _same_members(expected: list[Element], found: list[Element]) -> bool:
    """Whether each element has its match, in any order."""
    if len(expected) != len(found):
        return False
    left = list(found)
    for element in expected:
        match = next((other for other in left if _same_element(element, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _is_braced(node: Node) -> bool:
    """Whether the node is a set in braces, where what is written twice counts once."""
    return isinstance(node, Bracketed) and node.opening in ("\\{", "{")


def _distinct(found: list[Element]) -> list[Element]:
    distinct: list[Element] = []
    for element in found:
        if not any(_is_repeated(element, other) for other in distinct):
            distinct.append(element)
    return distinct


def _is_repeated(one: Element, other: Element) -> bool:
    return one == other or (one.name == other.name and _is_same_number(one.value, other.value))


def _is_same_number(one: Node, other: Node) -> bool:
    try:
        return not variables(one) and not variables(other) and same_expression(one, other)
    except UnreadableError:
        return False


def _same_element(expected: Element, found: Element) -> bool:
    if expected.relation and found.relation and same_equation(expected.relation, found.relation):
        return True
    value = found.value
    if expected.name is not None and found.name is not None:
        if not same_name(expected.name, found.name):
            return False
        value = with_arguments_of(expected.name, found.name, value)
    return same_item(expected.value, value)


def same_item(reference: Node, answer: Node) -> bool:
    """Whether two items that are no lists say the same.

    Raises:
        UnreadableError: that cannot be told.
    """
    if reference == answer:
        return True
    kinds = (reference, answer)
    if any(isinstance(node, Words) for node in kinds):
        compare = _same_words
    elif any(isinstance(node, Relation) for node in kinds):
        compare = _same_relation
    elif any(isinstance(node, Bracketed) for node in kinds) or _is_region(reference, answer):
        compare = _same_brackets
    elif any(isinstance(part, Matrix) for node in kinds for part in walk(node)):
        compare = _same_matrices
    else:
        compare = same_quantity
    return compare(reference, answer)


def _same_words(reference: Node, answer: Node) -> bool:
    return (
        isinstance(reference, Words)
        and isinstance(answer, Words)
        and folded_text(reference.text) == folded_text(answer.text)
    )


def _is_region(one: Node, other: Node) -> bool:
    return any(isinstance(node, Operation) and node.name in _REGION_SIGNS for node in (one, other))


def _same_brackets(reference: Node, answer: Node) -> bool:
    """Whether two tuples, intervals or vectors are the same, item by item and end by end."""
    one, other = split_unit(reference), split_unit(answer)
    matrix = next((node for node in (one.value, other.value) if isinstance(node, Matrix)), None)
    if matrix is not None:
        tuple_items = next((node.items for node in (one.value, other.value) if isinstance(node, Bracketed)), ())
        return _vector(matrix) is not None and _same_in_order(_vector(matrix) or (), tuple_items)
    if not isinstance(one.value, Bracketed) or not isinstance(other.value, Bracketed):
        first, second = region(one.value), region(other.value)
        return first is not None and second is not None and same_region(first, second)
    if not _same_ends(one.value, other.value) or not units_agree(one.unit, other.unit):
        return False
    return _same_in_order(one.value.items, other.value.items)


def _same_ends(one: Bracketed, other: Bracketed) -> bool:
    """With two items the brackets tell an interval's ends; with another number they are only a tuple's."""
    ends = [(node.opening.replace("⟨", "("), node.closing.replace("⟩", ")")) for node in (one, other)]
    if len(one.items) != 2 and all(pair in (("(", ")"), ("[", "]")) for pair in ends):
        return True
    return ends[0] == ends[1]


def _same_in_order(one: Sequence[Node], other: Sequence[Node]) -> bool:
    return len(one) == len(other) and all(same_answer(a, b) for a, b in zip(one, other, strict=True))


def _same_tuple(reference: Node, found: list[Element]) -> bool:
    """Whether the reference is a tuple whose parts the answer names one by one, as in `x = 1, y = 2`."""
    names: tuple[Node, ...] = ()
    if isinstance(reference, Relation) and reference.signs == ("=",) and isinstance(reference.sides[0], Bracketed):
        names, reference = reference.sides[0].items, reference.sides[1]
    if not isinstance(reference, Bracketed) or reference.opening != "(" or len(found) != len(reference.items):
        return False
    by_name = {element.name: element.value for element in found if isinstance(element.name, Symbol)}
    if len(by_name) != len(found) or len(found) < 2:
        return False
    order = names if set(names) == set(by_name) else sorted(by_name, key=lambda name: name.name)
    return _same_in_order(reference.items, [by_name[name] for name in order])  # type: ignore[index]


def _vector(matrix: Matrix) -> tuple[Node, ...] | None:
    if len(matrix.rows) == 1:
        return matrix.rows[0]
    return tuple(row[0] for row in matrix.rows) if len(matrix.rows[0]) == 1 else None


def _matrix(node: Node) -> Matrix | None:
    """The node as a matrix, with a factor before it multiplied in."""
    match node:
        case Matrix():
            return node
        case Measured(value=value):
            return _matrix(value)
        case Operation(name="*", arguments=(factor, Matrix(rows=rows))):
            return Matrix(tuple(tuple(Operation("*", (factor, entry)) for entry in row) for row in rows))
        case Operation(name="-", arguments=(Matrix(rows=rows),)):
            return Matrix(tuple(tuple(Operation("-", (entry,)) for entry in row) for row in rows))
        case _:
            return None


def _same_matrices(reference: Node, answer: Node) -> bool:
    one, other = _matrix(reference), _matrix(answer)
    if one is not None and other is not None:
        return len(one.rows) == len(other.rows) and all(
            _same_in_order(a, b) for a, b in zip(one.rows, other.rows, strict=True)
        )
    if any(
        isinstance(part, Matrix)
        for node, read in ((reference, one), (answer, other))
        if not read
        for part in walk(node)
    ):
        raise UnreadableError("calculations with matrices are not worked out")
    return False


def _same_relation(reference: Node, answer: Node) -> bool:
    """Whether two equations or inequalities hold together, or one gives the value that the other is."""
    if not isinstance(reference, Relation):
        return isinstance(answer, Relation) and _gives(answer, reference)
    if not isinstance(answer, Relation):
        return _is_value_of(answer, reference)
    if is_inequality(reference) or is_inequality(answer):
        return same_order(reference, answer)
    one, other = value_side(reference), value_side(answer)
    if one is None or other is None:
        return reference == answer
    named = one[0] is not None and other[0] is not None and is_name(one[0]) and is_name(other[0])
    return named and _same_element(Element(one[1], one[0]), Element(other[1], other[0]))


def _gives(answer: Relation, reference: Node) -> bool:
    """Whether the answer is a chain of equalities that ends at the reference."""
    chain = value_side(answer)
    if chain is None:
        return False
    name, value = chain
    if name is not None and not is_loose_name(name):
        return False
    return same_answer(reference, value) or _approximation_agrees(answer, reference)


def _approximation_agrees(answer: Relation, reference: Node) -> bool:
    """Whether the side behind `≈` is the reference, and near the side before it."""
    if answer.signs[-1] != "≈" or len(answer.sides) < 2:
        return False
    exact, rounded = answer.sides[-2:]
    if not same_answer(reference, rounded):
        return False
    if variables(exact):
        return is_name(exact)
    return any(abs(a - b) * 100 <= abs(a) for a, b in value_pairs(exact, split_unit(rounded).value))


def _is_value_of(answer: Node, reference: Relation) -> bool:
    chain = value_side(reference)
    if chain is None:
        return False
    name, value = chain
    is_value = is_name(name) if name is not None else not variables(reference)
    return is_value and same_answer(value, answer)


def _same_regions(reference: Node, answer: Node) -> bool:
    """Whether both describe the same numbers, at least one of them in a way that no list or tuple could."""
    if not (_is_set(reference) or _is_set(answer)):
        return False
    one, other = region(_unnamed(reference)), region(_unnamed(answer))
    if one is None or other is None:
        return False
    names = [variables(node) for node in (reference, answer)]
    return same_region(one, other) and (not all(names) or names[0] == names[1])


def _unnamed(node: Node) -> Node:
    """The value of `D = (0, 1)`, and other nodes as they are."""
    if isinstance(node, Relation) and node.signs == ("=",) and is_name(node.sides[0]):
        return node.sides[1]
    return node


def _is_set(node: Node) -> bool:
    return any(
        is_inequality(part)
        or (isinstance(part, Relation) and "∈" in part.signs)
        or (isinstance(part, Operation) and part.name in _REGION_SIGNS)
        or (isinstance(part, Symbol) and part.name in ("ℝ", "∅"))
        for part in walk(node)
    )
