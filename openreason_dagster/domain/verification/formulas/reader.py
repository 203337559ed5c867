"""From tokens to a tree: the grammar of answers, from lists of relations down to sums."""

import re
from functools import lru_cache
from typing import Literal

from openreason_dagster.domain.verification.formulas.atoms import AtomReader
from openreason_dagster.domain.verification.formulas.spelling import respelled
from openreason_dagster.domain.verification.formulas.tokens import tokenized
from openreason_dagster.domain.verification.formulas.tree import (
    MODULO,
    Measured,
    Node,
    Operation,
    Relation,
    Several,
    UnreadableError,
    Words,
)
from openreason_dagster.domain.verification.symbolic_text import fitness

_AMBIGUOUS = re.compile(r"\d,\d{3}(?!\d)")
_SIGNS = ("=", "≠", "<", ">", "≤", "≥", "≈", "∈", "∉", "≡")
_SET_SIGNS = ("∪", "∩", "∖")
_JOINTS = (",", "and", "or")


@lru_cache(maxsize=8192)
def readings(text: str) -> tuple[Node, ...]:
    """Every way to read the text as a formula, the likeliest first; empty when there is none.

    A text such as `100,200` has two: a number with a separator of thousands, and a list.
    """
    if fitness(text)[0] in ("program", "too_large"):
        return ()
    respelling = respelled(text)
    found = [_read(respelling, thousands="joined")]
    if _AMBIGUOUS.search(respelling):
        found.append(_read(respelling, thousands="split"))
    return tuple(dict.fromkeys(node for node in found if node is not None))


def _read(text: str, *, thousands: Literal["joined", "split"]) -> Node | None:
    try:
        reader = Reader(tokenized(text, thousands=thousands))
        return reader.read()
    except UnreadableError:
        return None


class Reader(AtomReader):
    """Reads one answer from its tokens."""

    def read(self) -> Node:
        """The whole answer.

        Raises:
            UnreadableError: the tokens are no formula.
        """
        self.accepts("≈")
        node = self.several()
        while self.accepts("→"):
            node = self.several()
        self.expect_end()
        return node

    def several(self) -> Node:
        """Items with commas, "and" or "or" between them; one item stands for itself."""
        items, joints = [self.relation()], []
        while self.next_text in _JOINTS:
            joint = self.take().text
            while self.next_text in _JOINTS:
                joint = self.take().text
            if self.ends_group():
                break
            joints.append(joint)
            items.append(self.relation())
        return items[0] if len(items) == 1 else Several(tuple(items), tuple(joints))

    def relation(self) -> Node:
        """Sides with signs between them."""
        sides, signs = [self.sets()], []
        while self.next_text in _SIGNS:
            signs.append(self.take().text)
            sides.append(self.sets())
        return Relation(tuple(sides), tuple(signs)) if signs else sides[0]

    def sets(self) -> Node:
        """Unions and differences of ratios."""
        node = self.ratio()
        while self.next_text in _SET_SIGNS:
            name = self.take().text
            node = Operation(name, (node, self.ratio()))
        return node

    def ratio(self) -> Node:
        """Terms with colons between them."""
        terms = [self.measured()]
        while self.next_text == ":" and not self.ends_group(ahead=1):
            self.take()
            terms.append(self.measured())
        return terms[0] if len(terms) == 1 else Operation("ratio", tuple(terms))

    def measured(self) -> Node:
        """A sum with the words behind it; or words alone."""
        if self.next.kind == "text":
            words = self.take().text
            if self.next.kind == "text":
                words = f"{words} {self.take().text}"
            return Words(words)
        node = self.sum()
        unit = self.modulus() or self.unit()
        return Measured(node, unit) if unit else node

    def modulus(self) -> str:
        """The modulus behind a remainder, in words."""
        is_bracketed = self.next_text == "(" and self.peek(1).kind == "function" and self.peek(1).text == "modulo"
        if is_bracketed:
            self.take()
        if self.next_text != "modulo":
            return ""
        self.take()
        words = f"{MODULO} {self.flat_group()}"
        if is_bracketed:
            self.expect(")")
        return words

    def unit(self) -> str:
        """Words and unit symbols behind a value, with their powers and quotients."""
        parts: list[str] = []
        while self.next.kind == "text" or (parts and self.next_text in ("^", "/", "*", "°")):
            token = self.take()
            parts.append(token.text)
            if token.text == "^":
                parts.append(self.flat_group())
            elif token.text in ("/", "*") and self.next.kind in ("letter", "text"):
                parts.append(self.take().text)
        return " ".join(parts).replace(" ^ ", "^").replace(" / ", "/")

    def sum(self) -> Node:
        """Terms with plus, minus and plus-minus between them."""
        node = self.term()
        while self.next_text in ("+", "-", "±", "∓"):
            sign = self.take().text
            right = self.term()
            node = Operation("+", (node, right if sign == "+" else Operation("-" if sign == "-" else sign, (right,))))
        return node

    def term(self) -> Node:
        """Factors with signs of multiplication or division, or nothing, between them."""
        if self.next_text in ("-", "+", "±", "∓"):
            sign = self.take().text
            below = self.term()
            return below if sign == "+" else Operation(sign, (below,))
        node = self.factor()
        while True:
            if self.next_text in ("*", "/"):
                name = self.take().text
                node = Operation(name, (node, self.signed_factor()))
            elif self.starts_factor():
                node = self.joined(node, self.factor())
            else:
                return node

    def signed_factor(self) -> Node:
        """A factor that may carry its own sign, as in `2 * -3`."""
        if self.accepts("-"):
            return Operation("-", (self.signed_factor(),))
        return self.factor()

    def inner(self) -> Node:
        """What stands inside brackets."""
        return self.several()
