"""Texts as they are compared: one spelling for signs, spaces, LaTeX wrappers and letter case."""

import re
import unicodedata

_WRAPPER = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mbox|operatorname)\s*\{([^{}]*)\}"
)
_SPACING = re.compile(r"\\[,;:! ]|\\quad|\\qquad|~|\\displaystyle|\\left(?![a-z])|\\right(?![a-z])|\\big(?![a-z])")
_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": "*", "’": "'", "‘": "'", "“": '"', "”": '"'}
)
_EDGES = " \t\r\n*_`\"'.,;:!?$"


def without_wrappers(text: str) -> str:
    r"""The text with `\text{…}` and its kin replaced by what they hold."""
    for _ in range(3):
        text = _WRAPPER.sub(r"\1", text)
    return text


def folded_text(text: str) -> str:
    """The text in one spelling: Unicode NFKC, plain signs, single spaces, no LaTeX wrappers, no edge punctuation."""
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    text = without_wrappers(_SPACING.sub(" ", text.replace("\\!", "")))
    text = re.sub(r"\s*,\s*", ", ", " ".join(text.split()))
    return text.strip(_EDGES).casefold()
