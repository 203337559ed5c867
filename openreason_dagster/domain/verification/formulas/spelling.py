r"""Formulas as they are read: one spelling for Unicode signs, LaTeX decoration, spaces and thousands separators.

Models write the same number as `½`, `\frac12`, `\dfrac{1}{2}` or `1/2`, and the same sign as `−`, `–` or `-`. What is
left for the reader is LaTeX and plain ASCII without decoration.
"""

import re
import unicodedata
from functools import lru_cache

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ₙ", "0123456789+-n")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋ₙ]+")
_VULGAR = re.compile("[¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]")
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ",
    "∗": "*", "÷": r"\div ", "√": r"\sqrt ", "∛": r"\sqrt[3]", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ",
    "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≡": r"\equiv ", "∈": r"\in ",
    "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "±": r"\pm ", "∓": r"\mp ", "°": r"\degree ", "º": r"\degree ",
    "℃": r"\degree C", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}",
    "ℂ": r"\mathbb{C}", "…": r"\ldots ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "∠": r"\angle ", "→": r"\to ", "⇒": r"\to ", "′": "'", "’": "'", "″": "''",
    "∨": r"\lor ", "∧": r"\land ", "∖": r"\setminus ", "、": ",", "\u2061": "", "\u200b": "", "\u00ad": "",
}  # fmt: skip
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)))
_GREEK = {
    character: f"\\{name} "
    for name, character in {
        "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ",
        "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "ϕ", "omega": "ω", "Delta": "Δ", "Omega": "Ω",
    }.items()
}  # fmt: skip
_GREEK_LETTER = re.compile("|".join(_GREEK))
_DOUBLED_BACKSLASH = re.compile(r"\\\\(?=[a-zA-Z{}()%$,!;:])")
_SEPARATED_THOUSANDS = re.compile(
    r"(?<=\d)\s*(?:,\s*\\!|\\!\s*,|\\,|\{\s*,\s*(?:\\!)?\s*\}|\\ |\\:|\\;|~)\s*(?=\d{3}(?!\d))"
)
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,/])(?<!\d )(\d{1,3}(?: \d{3})+)(?![\d/]| \d)")
_DECORATION = re.compile(
    r"\\(?:left|right|[bB]ig+[lrm]?|middle)(?![a-zA-Z])\s*\.?|\\(?:displaystyle|textstyle|limits|nolimits|hfill|rm|bf"
    r"|phantom\{[^{}]*\})(?![a-zA-Z])|(?<!\\)\\!|\$|(?<!\\)\\[()\[\]]"
)
_SPACING = re.compile(
    r"(?<!\\)\\[,;:> ]|\\q?quad(?=[a-zA-Z]_|(?![a-zA-Z]))|~|\\hspace\*?\{[^{}]*\}|\\thinspace|\\space|\s+"
)
_CURRENCY = re.compile(r"(\\\$|[€£¥₹])\s*([-+]?\d[\d,.]*)?")
_CURRENCY_NAMES = {"\\$": "dollars", "€": "euros", "£": "pound sterling", "¥": "yen", "₹": "rupee"}
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_TIMES_TEN = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_ELLIPSIS = re.compile(r"\.\.\.+")
_EDGES = " \t\r\n`"
_TRAILING = re.compile(r"(?:\s|[.,;:。，；]|\\\\?(?=$)|(?<!!)!(?=\s*$)(?<=[\s.]!))+$")
_SPACES_OF_NO_MEANING = re.compile(r"(?<![\da-zA-Z]) | (?![\da-zA-Z])")
_WRAPPER = re.compile(r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mbox)\s*\{\s*([^{}]*?)\s*\}")


@lru_cache(maxsize=8192)
def respelled(text: str) -> str:
    """The formula in the spelling that the reader knows, on one line and without decoration."""
    if not text.isascii():
        text = _without_unicode(text)
    if "\\\\" in text and "\\begin" not in text:
        text = _DOUBLED_BACKSLASH.sub(r"\\", text)
    text = _SEPARATED_THOUSANDS.sub("", text)
    text = _ELLIPSIS.sub(r"\\ldots ", text)
    text = _CURRENCY.sub(_with_currency_behind, text)
    text = _FRACTION.sub(r"\\frac", _DECORATION.sub("", text))
    text = _SPACING.sub(" ", text).strip(_EDGES).removeprefix("**").removesuffix("**").strip(_EDGES)
    text = _TIMES_TEN.sub(r"\\times ", text)
    text = _SPACED_THOUSANDS.sub(lambda match: match.group().replace(" ", ""), text)
    return _TRAILING.sub("", text)


@lru_cache(maxsize=8192)
def compact(text: str) -> str:
    """The respelled text without the spaces and wrappers that change nothing, to see that two are written alike."""
    return _SPACES_OF_NO_MEANING.sub("", _WRAPPER.sub(r"\1", respelled(text)))


def _without_unicode(text: str) -> str:
    text = _SUPERSCRIPT.sub(lambda match: f"^{{{match.group().translate(_SUPERSCRIPTS)}}}", text)
    text = _SUBSCRIPT.sub(lambda match: f"_{{{match.group().translate(_SUBSCRIPTS)}}}", text)
    text = _VULGAR.sub(_vulgar_fraction, text)
    text = _SIGN.sub(lambda match: _SIGNS[match.group()], text)
    text = _GREEK_LETTER.sub(lambda match: _GREEK[match.group()], unicodedata.normalize("NFKC", text))
    return _SIGN.sub(lambda match: _SIGNS[match.group()], text)


def _with_currency_behind(match: re.Match[str]) -> str:
    """The amount with its currency in words; a sign without an amount behind it belongs to the number before."""
    amount = match[2] or ""
    bare = amount.rstrip(".,")
    is_loose = not amount and not match.string[: match.start()].rstrip(" $").endswith(tuple("0123456789"))
    return " " if is_loose else f"{bare}\\text{{ {_CURRENCY_NAMES[match[1]]}}}{amount[len(bare) :]}"


def _vulgar_fraction(match: re.Match[str]) -> str:
    numerator, _, denominator = unicodedata.normalize("NFKC", match.group()).partition("\u2044")
    return rf"\frac{{{numerator}}}{{{denominator}}}"
