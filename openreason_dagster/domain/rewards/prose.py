"""The words of a text: what is left when formulas, code, addresses and numbers are taken out, clause by clause.

What belongs here: where words begin and end and which script they are written in; not which language they are.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

_NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)"
    r"|~~~.*?(?:~~~|\Z)"
    r"|(?P<ticks>``?)[^`\n]{1,400}(?P=ticks)"
    r"|\\begin\{(?P<environment>[^{}]{1,40})\}(?:(?!\\begin\{(?P=environment)\}).){0,4000}?\\end\{(?P=environment)\}"
    r"|\$\$.{0,2000}?\$\$"
    r"|\\\[(?:(?!\\\[).){0,2000}?\\\]"
    r"|\\\((?:(?!\\\().){0,400}?\\\)"
    r"|(?<!\\)\$(?!\s)[^$\n]{0,400}?(?<![\s\\])\$(?!\d)"
    r"|\\[A-Za-z]{1,40}\*?(?:\s{0,4}(?:\[[^\[\]]{0,400}\]|\{[^{}]{0,400}\})){0,4}"
    r"|(?:https?|ftp)://\S+"
    r"|www\.\S+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}",
    re.DOTALL,
)
"""Code blocks and spans, LaTeX environments, display and inline formulas, commands with arguments, addresses.

A dollar opens a formula only before a non-space and closes one only after a non-space and not before a digit, so that
`$5 and $6` stays prose. Every repetition is bounded and ends at the next opener of its kind: a model stuck in a loop of
unclosed openers must not cost quadratic time.
"""

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_KANA = "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff"
_HANGUL = "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3"
_MARKS = "\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0900-\u0dff\u0e31-\u0e4e"
_LETTERS = rf"(?:[^\W{_HAN}{_KANA}{_HANGUL}]|[{_MARKS}])+"
_TOKEN = re.compile(
    rf"(?P<han>[{_HAN}])"
    rf"|(?P<kana>[{_KANA}]+)"
    rf"|(?P<hangul>[{_HANGUL}]+)"
    rf"|(?P<letters>{_LETTERS}(?:['’]{_LETTERS})*)"
    r"|(?P<end>[.,!?;:()\n。！？；：，、（）]+)"
)
_SCRIPT_STARTS = (
    (0x0041, "latin"),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "other"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0780, "other"),
    (0x0900, "devanagari"),
    (0x0980, "other"),
    (0x0E00, "thai"),
    (0x0E80, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, "other"),
)
_LONGEST_ABBREVIATION = 5
_SCRIPTS_OF_VARIABLES = ("latin", "greek")


@dataclass
class Clause:
    """The words between two punctuation marks by script, in order."""

    words: dict[str, list[str]] = field(default_factory=dict)

    def add(self, script: str, word: str) -> None:
        """Append a word."""
        self.words.setdefault(script, []).append(word)


def clauses(text: str) -> Iterator[Clause]:
    """Yield the clauses of a text that have words.

    A Han character is a word, as is a run of kana, a run of Hangul, and a run of letters of any other script. Runs with
    a digit or underscore are not words, nor are lone Latin or Greek letters, which are mostly variables, nor
    abbreviations in capitals, which look alike in every language.
    """
    prose = unicodedata.normalize("NFKC", _NOT_PROSE.sub(" ", text))
    clause = Clause()
    for match in _TOKEN.finditer(prose):
        kind, token = str(match.lastgroup), match.group()
        if kind == "end":
            if clause.words:
                yield clause
            clause = Clause()
        elif kind != "letters":
            clause.add(kind, token)
        elif _is_word(token):
            clause.add(_script(token[0]), token)
    if clause.words:
        yield clause


def _is_word(token: str) -> bool:
    if "_" in token or any(letter.isdigit() for letter in token):
        return False
    if len(token) == 1:
        return _script(token) not in _SCRIPTS_OF_VARIABLES
    return len(token) > _LONGEST_ABBREVIATION or not token.isupper()


def _script(letter: str) -> str:
    code, name = ord(letter), "other"
    for start, script in _SCRIPT_STARTS:
        if code < start:
            break
        name = script
    return name
