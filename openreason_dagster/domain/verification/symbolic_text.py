"""What may be handed to a symbolic parser: mathematics of bounded size, and nothing else."""

import re
from typing import Literal, TypeAlias

LONGEST_TEXT = 1_000
MOST_DIGITS = 600
LONGEST_INTEGER = 200
LARGEST_EXPONENT = 10_000
LARGEST_FACTORIAL = 1_000
DEEPEST_NESTING = 30

Fitness: TypeAlias = Literal["fit", "program", "not_mathematics", "too_large"]

_PROGRAM = re.compile(
    r"__|(?<!\\)\b(?:exec|eval|compile|open|print|input|getattr|setattr|globals|locals|system|popen|range)\s*\("
    r"|(?<!\\)\b(?:int|float|str|list|len|chr|ord|bool|repr|round|sorted|map|filter|type|vars|dir|isinstance)\("
    r"|\(\s*['\"][^')]|\[[^\]]*\bfor\b[^\]]*\bin\b|\bif\b[^,;]*\belse\b"
    r"|(?<!\\)\bimport\s+\w|(?<!\\)\blambda\b[^=\\]{0,20}:|\b(?:os|sys|subprocess|builtins)\.\w|\bdef\s+\w+\s*\("
    r"|\\(?:input|include|write|openin|openout|def|newcommand|catcode|immediate)(?![a-z])"
)
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_TEXT = re.compile(r"\\(?:text|mbox|mathrm|operatorname|textbf|mathbf|begin|end)\s*\{[^{}]*\}")
_WORD = re.compile(r"[a-zA-Z]{4,}")
_FUNCTION_WORDS = frozenset({"sqrt", "sinh", "cosh", "tanh", "frac", "infty", "infinity", "left", "right", "arctan"})
_TOWER = re.compile(r"\^\s*\{[^{}]*\d\s*\^|\^\s*\{?\s*\d+\s*\}?\s*\^|\*\*\s*\d+\s*\*\*")
_SMALL_TOWER = re.compile(r"(?<=\^)\s*\{\s*(\d{1,3})\s*\^\s*(?:\{\s*(\d)\s*\}|(\d))\s*\}")
_POWER = re.compile(r"(?:\^|\*\*)\s*[{(]?\s*-?\s*(\d+)")
_FACTORIAL = re.compile(r"(\d+)\s*[)}\]]*\s*!")
_OPENING, _CLOSING = "{([", "})]"


def fitness(text: str) -> tuple[Fitness, str]:
    """Whether the text may be parsed, and why not.

    `program` is program code; `not_mathematics` is words without a digit or operator. `too_large` may be mathematics,
    but is longer, deeper or of greater powers than any reference needs.
    """
    if _PROGRAM.search(text):
        return "program", "the answer looks like program code; it was not parsed"
    too_large = _size_problem(text)
    if too_large is not None:
        return "too_large", f"the answer has {too_large}; it was not parsed"
    if _is_prose(text):
        return "not_mathematics", "the answer is words, the reference is a formula"
    return "fit", ""


def _size_problem(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"{len(text)} characters, the limit is {LONGEST_TEXT}"
    if sum(map(str.isdigit, text)) > MOST_DIGITS or re.search(rf"\d{{{LONGEST_INTEGER + 1},}}", text):
        return f"a number of more than {LONGEST_INTEGER} digits or more than {MOST_DIGITS} digits in all"
    if _nesting(text) > DEEPEST_NESTING:
        return f"brackets nested deeper than {DEEPEST_NESTING}"
    return _growth_problem(text)


def _growth_problem(text: str) -> str | None:
    if _TOWER.search(_with_small_towers_evaluated(text)):
        return "a tower of powers"
    if any(int(exponent) > LARGEST_EXPONENT for exponent in _POWER.findall(text)):
        return f"an exponent above {LARGEST_EXPONENT}"
    if any(int(number) > LARGEST_FACTORIAL for number in _FACTORIAL.findall(text)):
        return f"a factorial above {LARGEST_FACTORIAL}!"
    return None


def _with_small_towers_evaluated(text: str) -> str:
    """The text with exponents such as `{3^2}` written out while they stay within the limit."""
    for _ in range(DEEPEST_NESTING):
        match = _SMALL_TOWER.search(text)
        if match is None:
            break
        value = int(match.group(1)) ** int(match.group(2) or match.group(3))
        if value > LARGEST_EXPONENT:
            break
        text = f"{text[: match.start()]}{{{value}}}{text[match.end() :]}"
    return text


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in _OPENING) - (character in _CLOSING)
        deepest = max(deepest, depth)
    return deepest


def _is_prose(text: str) -> bool:
    bare = _COMMAND.sub(" ", _TEXT.sub(" ", text))
    words = [word for word in _WORD.findall(bare) if word.casefold() not in _FUNCTION_WORDS]
    return bool(words) and not re.search(r"[\d+*/^=<>]", bare)
