"""The smallest parts of a formula: numbers, variables, brackets, functions and their powers."""

from fractions import Fraction

from openreason_dagster.domain.verification.formulas.decimals import repeating, with_repetend
from openreason_dagster.domain.verification.formulas.tokens import Token
from openreason_dagster.domain.verification.formulas.tree import (
    Bracketed,
    Matrix,
    Node,
    Number,
    Operation,
    Relation,
    Several,
    Symbol,
    UnreadableError,
)

DEEPEST = 60

_END = Token("end", "")
_CLOSING = {"(": (")", "]"), "[": ("]", ")"), "\\{": ("\\}",), "⟨": ("⟩",), "{": ("}",), "⌊": ("⌋",), "⌈": ("⌉",)}
_ENDS = (")", "]", "\\}", "⟩", "}", "⌋", "⌉", "&", "\\\\")


class AtomReader:
    """Reads atoms; the levels above are the subclass's, which supplies `inner`, `sum` and `term`."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.depth = 0
        self.bars = 0

    @property
    def next(self) -> Token:
        """The next token, without taking it."""
        return self.peek(0)

    def peek(self, ahead: int) -> Token:
        """The token so many places ahead, without taking it."""
        place = self.position + ahead
        return self.tokens[place] if place < len(self.tokens) else _END

    @property
    def next_text(self) -> str:
        """The text of the next token, "" for words."""
        return "" if self.next.kind == "text" else self.next.text

    def take(self) -> Token:
        """The next token, taken."""
        token = self.next
        if token.kind == "end":
            raise UnreadableError("the formula ends too early")
        self.position += 1
        return token

    def accepts(self, text: str) -> bool:
        """Take the next token if it is this sign."""
        if self.next_text != text:
            return False
        self.position += 1
        return True

    def expect(self, *texts: str) -> str:
        """Take the next token, which has to be one of these signs."""
        if self.next_text not in texts:
            raise UnreadableError(f"found {self.next.text!r}, expected {' or '.join(texts)}")
        return self.take().text

    def expect_end(self) -> None:
        """Check that nothing is left."""
        if self.position < len(self.tokens):
            raise UnreadableError(f"{self.next.text!r} is left over")

    def ends_group(self, *, ahead: int = 0) -> bool:
        """Whether the token there closes a group or ends the text."""
        token = self.peek(ahead)
        if token.kind == "end":
            return True
        return token.kind != "text" and (token.text in _ENDS or (token.text == "|" and self.bars > 0))

    def inner(self) -> Node:
        """What stands inside brackets."""
        raise NotImplementedError

    def sum(self) -> Node:
        """A sum."""
        raise NotImplementedError

    def term(self) -> Node:
        """A product."""
        raise NotImplementedError

    def starts_factor(self) -> bool:
        """Whether the next token can start a factor behind another.

        Raises:
            UnreadableError: it is a number, as in `2 3`.
        """
        token = self.next
        if token.kind == "function":
            return token.text not in ("modulo", "end", "choose")
        if token.kind == "number":
            raise UnreadableError("a number stands behind a value without a sign between them")
        if token.kind == "letter":
            return True
        return token.kind == "sign" and (
            token.text in ("(", "[", "{", "\\{", "⌊", "⌈", "⟨") or (token.text == "|" and self.bars == 0)
        )

    def joined(self, left: Node, right: Node) -> Node:
        """Two factors without a sign between them: a mixed number or a product."""
        match left, right:
            case Number(), Operation(name="frac", arguments=(Number() as above, Number() as below)):
                is_mixed = all(map(_is_whole, (left, above, below))) and above.value < below.value
                return Operation("mixed" if is_mixed else "*", (left, right))
            case _:
                return Operation("*", (left, right))

    def factor(self) -> Node:
        """An atom with its powers, factorials, primes, percent and degree signs."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise UnreadableError(f"nested deeper than {DEEPEST}")
        node = self.mixed() or self.atom()
        while self.next.kind == "sign" and self.next.text in ("^", "!", "%", "°", "_"):
            node = self.with_suffix(node, self.take().text)
        self.depth -= 1
        return node

    def mixed(self) -> Node | None:
        """A mixed number written `2 1/2`, if one stands here."""
        here = self.tokens[self.position : self.position + 4]
        if [token.kind for token in here] != ["number", "number", "sign", "number"] or here[2].text != "/":
            return None
        if not all(token.text.isdigit() for token in (here[0], here[1], here[3])) or not here[1].is_spaced:
            return None
        whole, above, below = (Number(Fraction(token.text)) for token in (here[0], here[1], here[3]))
        if not above.value < below.value:
            return None
        self.position += 4
        return Operation("mixed", (whole, Operation("frac", (above, below))))

    def with_suffix(self, node: Node, sign: str) -> Node:
        """The node with what follows it."""
        if sign == "_":
            return Operation("base", (node, self.group()))
        if sign != "^":
            return Operation(sign, (node,))
        if self.next_text == "°" or (self.next_text == "{" and self.peek(1).text == "°"):
            is_group = self.accepts("{")
            self.take()
            if is_group:
                self.expect("}")
            return Operation("°", (node,))
        return Operation("^", (node, self.exponent()))

    def exponent(self) -> Node:
        """What stands behind a caret."""
        if self.accepts("-"):
            return Operation("-", (self.exponent(),))
        if self.next_text == "{":
            return self.group()
        return self.factor() if self.next.kind in ("number", "letter") else self.atom()

    def group(self) -> Node:
        """The argument of a command: a group in braces, or one token."""
        if not self.accepts("{"):
            return self.atom()
        node = self.inner()
        self.expect("}")
        return node

    def flat_group(self) -> str:
        """The text of a group, as part of a name."""
        if not self.accepts("{"):
            return self.take().text
        parts, depth = [], 1
        while depth:
            token = self.take()
            depth += (token.text == "{") - (token.text == "}")
            parts.append(token.text)
        return "".join(parts[:-1])

    def atom(self) -> Node:
        """A number, a variable, a bracket or a function."""
        token = self.take()
        if token.kind == "number":
            return self.number(token.text)
        if token.kind == "letter":
            return self.variable(token.text)
        if token.kind == "function":
            return self.function(token.text)
        if token.text in ("⌊", "⌈"):
            inside = self.inner()
            self.expect(*_CLOSING[token.text])
            return Operation("floor" if token.text == "⌊" else "ceil", (inside,))
        if token.text == "|":
            return self.absolute()
        if token.text in _CLOSING:
            return self.bracketed(token.text)
        raise UnreadableError(f"{token.text!r} starts no value")

    def number(self, text: str) -> Node:
        """A number; with a bar, dots or an ellipsis behind it a repeating decimal."""
        if "." in text and self.next_text == "…":
            self.take()
            return repeating(text)
        digits, _, exponent = text.lower().partition("e")
        places = len(digits.partition(".")[2]) if "." in digits else None
        if places is not None and self.next.kind == "function" and self.next.text in ("overline", "dot"):
            self.take()
            return with_repetend(text, self.flat_group())
        if abs(int(exponent or 0)) > 10_000:
            raise UnreadableError("the exponent is out of bounds")
        return Number(Fraction(digits.rstrip(".")) * Fraction(10) ** int(exponent or 0), places)

    def variable(self, letter: str) -> Node:
        """A variable with its index and primes, or a function applied to a lone argument."""
        name = letter
        while self.next.kind == "sign" and self.next.text in ("_", "'"):
            name += self.take().text
            if name.endswith("_"):
                name += self.flat_group()
        if self.next_text == "^" and self._is_prime():
            name += "'"
        if name.startswith("\\") and name.lstrip("\\").split("_")[0].isalpha() and not _is_known(name):
            raise UnreadableError(f"{name} is no known command")
        return self.applied(Symbol(name))

    def _is_prime(self) -> bool:
        texts = [self.peek(ahead).text for ahead in (1, 2, 3)]
        length = 2 if texts[0] == "'" else 4 if texts == ["{", "'", "}"] else 0
        self.position += length
        return length > 0

    def applied(self, symbol: Symbol) -> Node:
        """The symbol, or the function it names when a lone number or variable in brackets follows at once."""
        if self.next_text != "(" or self.peek(2).text != ")" or self.next.is_spaced or symbol.name in ("π", "e", "i"):
            return symbol
        if self.peek(1).kind not in ("number", "letter"):
            return symbol
        self.position += 1
        argument = self.atom()
        self.expect(")")
        return Operation(f"call:{symbol.name}", (argument,))

    def absolute(self) -> Node:
        """What stands between two bars."""
        outer, self.bars = self.bars, 1
        inside = self.sum()
        self.bars = outer
        self.expect("|")
        return Operation("abs", (inside,))

    def bracketed(self, opening: str) -> Node:
        """A bracket: around a value, or with several items a tuple, an interval or a set."""
        bars = self.bars
        if self.next_text in _CLOSING[opening]:
            self.take()
            return Symbol("∅") if opening == "\\{" else Bracketed(opening, (), _CLOSING[opening][0])
        self.bars = 1 if opening == "\\{" else 0
        inside = self.inner()
        self.bars = 0
        if opening == "\\{" and self.next_text in ("|", ":"):
            self.take()
            inside = self._condition(inside)
        closing = self.expect(*_CLOSING[opening])
        self.bars = bars
        if isinstance(inside, Several) and "or" not in inside.joints:
            return Bracketed(opening, inside.items, closing)
        if closing not in _CLOSING[opening][:1]:
            raise UnreadableError("the brackets around one value differ")
        if opening in ("\\{", "[") and not isinstance(inside, Matrix | Relation):
            return Bracketed(opening, (inside,), closing) if opening == "\\{" else inside
        return inside

    def _condition(self, head: Node) -> Node:
        """What a set says of its members: the members of a set of numbers are a relation."""
        condition = self.inner()
        if isinstance(head, Symbol | Relation):
            return condition
        raise UnreadableError("a set of expressions is not compared")

    def function(self, name: str) -> Node:
        """A function or command with its arguments; `functions` says which of them take what."""
        from openreason_dagster.domain.verification.formulas.functions import read_function

        return read_function(self, name)


def _is_whole(node: Node) -> bool:
    return isinstance(node, Number) and node.places is None and node.value.denominator == 1


def _is_known(name: str) -> bool:
    from openreason_dagster.domain.verification.formulas.words import NAMES

    return name.split("_", maxsplit=1)[0].rstrip("'") in NAMES.values()
