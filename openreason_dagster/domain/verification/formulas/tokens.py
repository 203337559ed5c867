r"""A respelled formula cut into tokens: numbers, letters, commands, signs and pieces of text."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from openreason_dagster.domain.verification.formulas.tree import UnreadableError
from openreason_dagster.domain.verification.formulas.words import FUNCTIONS, NAMES, NUMBER_WORDS
from openreason_dagster.domain.verification.units import is_unit_word

MOST_TOKENS = 600

Kind: TypeAlias = Literal["number", "letter", "function", "sign", "text", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a formula; ``is_spaced`` tells whether a blank stands before it."""

    kind: Kind
    text: str
    is_spaced: bool = False


_SIGN_COMMANDS = {
    "times": "*", "cdot": "*", "ast": "*", "bullet": "*", "div": "/", "le": "≤", "leq": "≤", "leqslant": "≤", "lt": "<",
    "ge": "≥", "geq": "≥", "geqslant": "≥", "gt": ">", "ne": "≠", "neq": "≠", "approx": "≈", "simeq": "≈", "sim": "≈",
    "thickapprox": "≈", "doteq": "≈", "equiv": "≡", "in": "∈", "notin": "∉", "cup": "∪", "cap": "∩", "setminus": "∖",
    "backslash": "∖", "pm": "±", "mp": "∓", "lbrace": "\\{", "rbrace": "\\}", "langle": "⟨", "rangle": "⟩", "vert": "|",
    "lvert": "|", "rvert": "|", "mid": "|", "circ": "°", "degree": "°", "prime": "'", "ldots": "…", "dots": "…",
    "cdots": "…", "to": "→", "rightarrow": "→", "Rightarrow": "→", "implies": "→", "Longrightarrow": "→", "iff": "→",
    "Leftrightarrow": "→", "land": "and", "wedge": "and", "lor": "or", "vee": "or", "colon": ":", "lfloor": "⌊",
    "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "to ": "→", "dotsc": "…", "dotsb": "…", "lbrack": "[", "rbrack": "]",
}  # fmt: skip
_LONG_SIGNS = {
    "<=": "≤", ">=": "≥", "=<": "≤", "!=": "≠", "==": "=", "**": "^", "->": "→", "=>": "→", "~": "≈", ";": ",",
    "\\{": "\\{", "\\}": "\\}", "\\%": "%", "\\|": "|", "\\#": "#", "\\_": "_", "\\&": "&", "\\\\": "\\\\",
}  # fmt: skip
_TEXT_COMMANDS = (
    "text|textbf|textit|textrm|textnormal|textsf|texttt|mathrm|mathbf|mathit|mathsf|mbox|hbox|operatorname|emph|bold"
)
_PATTERN = re.compile(
    rf"(?P<space>\s+)|(?P<text>\\(?:{_TEXT_COMMANDS})\*?\s*\{{(?P<content>[^{{}}]*)\}})"
    r"|(?P<number>(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+|\.(?=\s*(?:/|$|\\(?:overline|dot|bar))))?(?:[eE][-+]?\d{1,6}(?![\d.]))?|\.\d+)"
    r"|\\(?P<command>[a-zA-Z]+)|(?P<long><=|>=|=<|!=(?!=)|==|\*\*|->|=>|\\[{}%|#_&]|\\\\|[~;])"
    r"|(?P<han>[\u4e00-\u9fff]+)|(?P<phrase>[a-zA-Z]+(?:[ '\-]+[a-zA-Z]+)*)|(?P<sign>[-+*/^_=<>(){}\[\]|!,:'%&.])"
)
_LETTERS_AND_NAME = re.compile(r"([a-zA-Z]{1,3}?)(sqrt|sin|cos|tan|log|ln|exp|pi)")
_HAN_JOINTS = {"或": "or", "和": "and", "与": "and"}
_OPENING, _CLOSING = ("(", "[", "\\{"), (")", "]", "\\}")
_SEPARATORS = re.compile(r"\s*,?\s*\b(and|or)\b\s*,?\s*|\s*,\s*", re.IGNORECASE)


def tokenized(text: str, *, thousands: Literal["joined", "split"]) -> list[Token]:
    """The tokens of a respelled text; with `split` a comma between digits is always a separator.

    Raises:
        UnreadableError: the text holds a character of no meaning in formulas, or too many tokens.
    """
    tokens: list[Token] = []
    position, is_spaced, depth = 0, False, 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise UnreadableError(f"{text[position]!r} has no meaning in a formula")
        found, position = _tokens_of(match, tokens, is_split=thousands == "split" or depth > 0)
        is_spaced = match.lastgroup == "space"
        tokens.extend(found)
        depth += sum((token.text in _OPENING) - (token.text in _CLOSING) for token in found if token.kind == "sign")
        if len(tokens) > MOST_TOKENS:
            raise UnreadableError(f"more than {MOST_TOKENS} tokens")
        if is_spaced and position < len(text):
            tokens.append(Token("sign", " ", is_spaced=True))
    return _with_spacing(tokens)


def _with_spacing(tokens: list[Token]) -> list[Token]:
    spaced: list[Token] = []
    is_spaced = False
    for token in tokens:
        if token.text == " ":
            is_spaced = True
            continue
        spaced.append(Token(token.kind, token.text, is_spaced))
        is_spaced = False
    return spaced


def _tokens_of(match: re.Match[str], before: list[Token], *, is_split: bool) -> tuple[list[Token], int]:
    """The tokens of one match of the pattern, and where the text goes on."""
    end = match.end()
    match match.lastgroup:
        case "number":
            number = match["number"].partition(",")[0] if is_split else match["number"]
            found, end = [Token("number", number.replace(",", ""))], match.start() + len(number)
        case "text":
            found = _text_content(match["content"], match["text"], before)
        case "command":
            found = [_command(match["command"])]
        case "phrase":
            found = _phrase(match["phrase"], before)
        case "han":
            found = [
                Token("sign", _HAN_JOINTS[match["han"]]) if match["han"] in _HAN_JOINTS else Token("text", match["han"])
            ]
        case "space":
            found = []
        case _:
            found = [Token("sign", _LONG_SIGNS.get(match.group(), match.group()))]
    return found, end


def _command(name: str) -> Token:
    if name in _SIGN_COMMANDS:
        return Token("sign", _SIGN_COMMANDS[name])
    if name in FUNCTIONS:
        return Token("function", FUNCTIONS[name])
    return Token("letter", NAMES.get(name, "\\" + name))


def _text_content(content: str, whole: str, before: list[Token]) -> list[Token]:
    r"""What `\text{…}` stands for: a connector, a letter, a number, a function, or words."""
    words = " ".join(content.replace("~", " ").replace("\\", " ").split()).strip()
    if not words:
        return []
    if is_unit_word(words) and _closes(before, []):
        return [Token("text", words)]
    letter = re.fullmatch(r"\(?([A-Za-z])\)?[.,]?", words)
    if letter and not (before and whole.startswith("\\text{")):
        return [Token("letter", letter[1])]
    if re.fullmatch(r"[-\d.,+/%()^]+", words):
        return list(tokenized(words, thousands="joined"))
    pieces: list[Token] = []
    start = 0
    for separator in _SEPARATORS.finditer(words):
        pieces += _words(words[start : separator.start()])
        pieces.append(Token("sign", (separator[1] or ",").lower()))
        start = separator.end()
    return pieces + _words(words[start:])


def _words(words: str) -> list[Token]:
    folded = words.strip().casefold()
    if NAMES.get(folded) == "∞":
        return [Token("letter", "∞")]
    if folded in FUNCTIONS:
        return [Token("function", FUNCTIONS[folded])]
    if folded in NUMBER_WORDS:
        return [Token("number", str(NUMBER_WORDS[folded]))]
    return [Token("text", words.strip())] if folded else []


def _phrase(phrase: str, before: list[Token]) -> list[Token]:
    """Letters standing together: words if one of them is long and no name of mathematics, else variables."""
    tokens: list[Token] = []
    for piece in re.split(r"(\s*\b(?:and|or|AND|OR)\b\s*)", phrase):
        if piece.strip().lower() in ("and", "or"):
            tokens.append(Token("sign", piece.strip().lower()))
        elif _is_prose(piece):
            tokens += _number_words(piece)
        else:
            tokens += _letters(piece, [*before, *tokens])
    return tokens


def _is_prose(piece: str) -> bool:
    words = [word for word in re.findall("[a-zA-Z]+", piece) if word not in FUNCTIONS and word not in NAMES]
    return any((len(word) >= 4 and not word.isupper()) or word.lower() in ("the", "for", "per") for word in words)


def _number_words(piece: str) -> list[Token]:
    first, _, rest = piece.strip().partition(" ")
    if first.lower() in NUMBER_WORDS:
        return [Token("number", str(NUMBER_WORDS[first.lower()])), *_words(rest)]
    return _words(piece)


def _letters(piece: str, before: list[Token]) -> list[Token]:
    tokens: list[Token] = []
    for part in re.findall(r"[a-zA-Z]+|-|'|\s+", piece):
        if part.isspace():
            tokens.append(Token("sign", " "))
        elif not part.isalpha():
            tokens.append(Token("sign", part))
        elif part in FUNCTIONS:
            tokens.append(Token("function", FUNCTIONS[part]))
        elif part in NAMES:
            tokens.append(Token("letter", NAMES[part]))
        elif part.lower() in NUMBER_WORDS:
            tokens.append(Token("number", str(NUMBER_WORDS[part.lower()])))
        elif len(part) > 1 and is_unit_word(part) and _closes(before, tokens):
            tokens.append(Token("text", part))
        else:
            tokens += _run_together(part)
    return tokens


def _run_together(part: str) -> list[Token]:
    """Single variables, and a function or constant written behind them without a space, as in `xsqrt(5)`."""
    match = _LETTERS_AND_NAME.fullmatch(part)
    letters, name = (match[1], match[2]) if match else (part, "")
    tokens = [Token("letter", letter) for letter in letters]
    if name:
        tokens.append(Token("function", FUNCTIONS[name]) if name in FUNCTIONS else Token("letter", NAMES[name]))
    return tokens


def _closes(before: list[Token], tokens: list[Token]) -> bool:
    """Whether what stands before can carry a unit: a number, a closing bracket or a constant."""
    last = next((token for token in reversed([*before, *tokens]) if token.text != " "), None)
    return last is not None and (last.kind in ("number", "text") or last.text in (")", "}", "π", "°"))
