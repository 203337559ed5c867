"""Constraints on how a response begins, ends, and is put together of parts."""

import re
import unicodedata

from openreason_dagster.domain.verification.constraints.constraint import Constraint, Held, Phrase

_QUOTES = str.maketrans("“”„‟‘’", '""""\'\'')
_PAIRS = {'"': '"', "“": "”", "„": "“”"}
_EDGES = " \t\r\n*_`\"'“”‘’"
_TWO_PARTS = re.compile(r"(?<!\*)\*{6}(?!\*)")
_COMMA = re.compile(r"[,،、，﹐﹑､︐︑]")
_EARLY_CLOSING = re.compile(r'(?<=\S)["”](?=[\s.,;:!?)]|\Z)')


class NoComma(Constraint):
    """No comma."""

    def forbids(self, text: str) -> bool:
        """See `Constraint`."""
        return _COMMA.search(text) is not None

    def holds(self, response: str) -> Held:
        """Commas of all scripts count, also in numbers."""
        return not self.forbids(response)


class EndChecker(Constraint):
    """A given phrase ends the response."""

    end_phrase: Phrase

    @property
    def required_texts(self) -> tuple[str, ...]:
        """See `Constraint`."""
        return (self.end_phrase,)

    def holds(self, response: str) -> Held:
        """Letter case, blanks, and quotes and emphasis around the end do not matter; the phrase begins a word."""
        ending, phrase = _plain(response), _plain(self.end_phrase)
        if phrase.strip(_EDGES):
            ending, phrase = ending.rstrip(_EDGES), phrase.strip(_EDGES)
        if not ending.endswith(phrase):
            return False
        before = ending[: len(ending) - len(phrase)]
        return not (before[-1:].isalnum() and phrase[:1].isalnum())


class Quotation(Constraint):
    """The whole response stands in double quotation marks."""

    def holds(self, response: str) -> Held:
        """Straight or typographic marks; unclear where a mark inside seems to close, as in `"a" and "b"`."""
        text = response.strip()
        if len(text) < 2 or text[-1] not in _PAIRS.get(text[0], ""):
            return False
        inner = text[1:-1]
        if not inner.strip():
            return False
        first = re.search(r'["“”]', inner)
        closes = first is not None and _EARLY_CLOSING.match(inner, first.start()) is not None
        return None if closes else True


class TwoResponses(Constraint):
    """Two different responses with six asterisks between them."""

    def holds(self, response: str) -> Held:
        """Exactly six in a run divide; before the first and after the last response they are idle."""
        parts = [" ".join(part.split()).casefold() for part in _TWO_PARTS.split(response.strip())]
        given = [part for part in parts if part]
        return "" not in parts[1:-1] and len(given) == 2 and given[0] != given[1]


class RepeatPrompt(Constraint):
    """The request word for word, then an answer."""

    prompt_to_repeat: Phrase

    @property
    def required_texts(self) -> tuple[str, ...]:
        """See `Constraint`."""
        return (self.prompt_to_repeat,)

    def holds(self, response: str) -> Held:
        """Letter case, blanks and the form of quotation marks do not matter; a request without an answer is broken."""
        said, asked = _plain(response), _plain(self.prompt_to_repeat)
        start = 1 if said.startswith('"') and not asked.startswith('"') else 0
        rest = said[start + len(asked) :]
        return said.startswith(asked, start) and any(letter.isalnum() for letter in rest)


def _plain(text: str) -> str:
    """The text with single blanks, plain quotation marks and small letters."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_QUOTES).split()).casefold()
