r"""Plain numbers with or without a unit, read exactly, without any algebra.

Policy:

- A comma followed by exactly three digits, a thin space or `{,}` separates thousands; it is never a decimal sign.
- `2\frac12` and `2 1/2` are mixed numbers.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from openreason_dagster.domain.verification.normalisation import without_wrappers

LONGEST_NUMBER = 1_000
LARGEST_EXPONENT = 1_000

_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\}|\\,|\\!,|,\\!| )\d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_FRACTION = r"\\[dtc]?frac\s*(?:\{\s*([-+]?\s*\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))"
_POWER = r"\s*(?:\*|\\times|\\cdot|×|x)\s*10\s*\^\s*(?:\{\s*([-+]?\d+)\s*\}|([-+]?\d))"
_NAME = re.compile(r"^(\\?[a-zA-Z]+(?:_\{?\w+\}?)?)\s*(?:=|\\approx|≈)\s*(?=[^=]+$)")
_APPROXIMATELY = re.compile(r"^(?:\\approx|\\sim|≈|~|about |approximately )\s*", re.IGNORECASE)
_CURRENCY = re.compile(r"^([-+]?)\s*(?:\\?(\$)|([€£¥₹]))\s*")
_BASE = re.compile(r"_\s*\{?\s*(?:\\text\{\s*)?(\d+|two|three|four|five|six|seven|eight|nine|ten)\s*\}*$")
_UNIT = re.compile(
    r"^(?:\s*\\%|\s*%|\s*\^\s*\{?\s*\\circ\s*\}?\s*[CFK]?|\s*°\s*[CFK]?"
    r"|(?:\s|\\[ ,;!])*\\(?:text|mathrm|mbox|textrm|rm)\s*\{[^{}]*\}(?:\s*\^\s*\{?\d\}?)?"
    r"|\s*[a-zA-Z]{2,}[a-zA-Z./² ³]*(?:\^\{?\d\}?)?|\s*[€£¥$¢₹])\s*$"
)
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("mixed_latex", re.compile(rf"([-+]?)\s*({_DIGITS})\s*{_FRACTION}")),
    ("mixed", re.compile(rf"([-+]?)\s*({_DIGITS})\s+(\d+)\s*/\s*(\d+)")),
    ("fraction_latex", re.compile(rf"([-+]?)\s*{_FRACTION}")),
    ("ratio", re.compile(rf"([-+]?)\s*({_DECIMAL})\s*/\s*({_DECIMAL})")),
    ("scientific", re.compile(rf"([-+]?)\s*({_DECIMAL})(?:{_POWER}|[eE]([-+]?\d+))")),
    ("power_of_ten", re.compile(r"([-+]?)\s*()10\s*\^\s*(?:\{\s*([-+]?\d+)\s*\}|(\d))()")),
    ("decimal", re.compile(rf"([-+]?)\s*({_DECIMAL})")),
)
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_NOT_UNITS = frozenset({
    "and", "or", "to", "by", "is", "are", "not", "than", "plus", "minus", "times", "over", "of", "if", "for", "with",
    "in",
})  # fmt: skip
_UNIT_NAMES = {
    "$": "dollar", "usd": "dollar", "€": "euro", "£": "pound", "¢": "cent", "°": "degree", "^\\circ": "degree",
    "deg": "degree", "percent": "%", "\\%": "%", "centimeter": "cm", "centimetre": "cm", "meter": "m", "metre": "m",
    "kilometer": "km", "kilometre": "km", "millimeter": "mm", "millimetre": "mm", "kilogram": "kg", "gram": "g",
    "hr": "hour", "h": "hour", "min": "minute", "sec": "second", "s": "second", "mi": "mile", "foot": "ft",
    "feet": "ft", "inche": "inch", "in": "inch", "mile per hour": "mph", "liter": "l", "litre": "l",
}  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """An exact number, how many decimal places it was written with, and its unit in one spelling ("" without)."""

    value: Fraction
    places: int | None
    """None for fractions."""
    unit: str
    name: str
    """What stood left of an equals sign, "" without."""


def parse_quantity(text: str) -> Quantity | None:
    """The plain number that the whole text is, or None when it is anything else."""
    text = text.strip().strip("$").strip().rstrip(".").strip().replace("−", "-")
    if not text or len(text) > LONGEST_NUMBER:
        return None
    name = _NAME.match(text)
    if name:
        text = text[name.end() :]
    text, currency = _without_currency(_APPROXIMATELY.sub("", _unbraced(text)))
    for form, pattern in _PATTERNS:
        match = pattern.match(text)
        if match is None:
            continue
        unit = _unit(text[match.end() :])
        number = None if unit is None else _number(form, match)
        if unit is not None and number is not None:
            value, places = number
            return Quantity(value, places, unit or currency, name.group(1) if name else "")
    return _spelled_out(text)


def _unbraced(text: str) -> str:
    r"""Without one pair of round brackets or braces around everything, and without `\text` around a plain number."""
    inner = without_wrappers(text) if re.fullmatch(r"\\(?:text|mathrm|mathbf|textbf)\s*\{[^{}]*\}", text) else text
    if len(inner) > 1 and (inner[0], inner[-1]) in (("(", ")"), ("{", "}")) and inner[1:-1].isascii():
        body = inner[1:-1]
        if not set(body) & set("(){},"):
            return body.strip()
    return inner.strip()


def _without_currency(text: str) -> tuple[str, str]:
    match = _CURRENCY.match(text)
    if match is None:
        return text, ""
    return match.group(1) + text[match.end() :], _one_spelling(match.group(2) or match.group(3))


def _unit(rest: str) -> str | None:
    """The unit in one spelling, "" for none, None when the rest is more than a unit."""
    if not rest.strip():
        return ""
    base = _BASE.fullmatch(rest.strip())
    if base:
        return f"base {base.group(1)}"
    if not _UNIT.match(rest):
        return None
    words = without_wrappers(rest).strip().split()
    return None if _NOT_UNITS & set(words) or len(words) > 4 else _one_spelling(" ".join(words))


def _one_spelling(unit: str) -> str:
    unit = re.sub(r"\s*\^\s*\{?\s*\\circ\s*\}?", "°", unit).replace("\\%", "%").strip().rstrip(".")
    unit = unit.casefold() if len(unit) > 2 else unit
    unit = re.sub(r"^square\s+(\w+)$", r"\1^2", re.sub(r"^cubic\s+(\w+)$", r"\1^3", unit))
    name, _, power = unit.replace("²", "^2").replace("³", "^3").replace("{", "").replace("}", "").partition("^")
    singular = " ".join(re.sub(r"(?<=[a-z]{2})s$", "", word) for word in name.split())
    singular = _UNIT_NAMES.get(singular, singular)
    if singular in {"unit", "degree unit"}:
        return ""
    return f"{singular}^{power}" if power else singular


def _number(form: str, match: re.Match[str]) -> tuple[Fraction, int | None] | None:
    """Value and decimal places of a match; None for a zero denominator or an exponent out of bounds."""
    sign = -1 if match.group(1) == "-" else 1
    parts = [group for group in match.groups()[1:] if group]
    if form == "decimal":
        return sign * _plain(parts[0]), _places(parts[0])
    if form == "scientific":
        return _scaled(sign * _plain(parts[0]), exponent=parts[1])
    if form == "power_of_ten":
        return _scaled(Fraction(sign), exponent=parts[0])
    denominator = _plain(parts[-1])
    if denominator == 0:
        return None
    value = _plain(parts[-2]) / denominator
    if form in ("mixed", "mixed_latex"):
        value += _plain(parts[0])
    return sign * value, None


def _scaled(mantissa: Fraction, *, exponent: str) -> tuple[Fraction, int | None] | None:
    if len(exponent) > len(str(LARGEST_EXPONENT)) or abs(int(exponent)) > LARGEST_EXPONENT:
        return None
    return mantissa * Fraction(10) ** int(exponent), 0


def _plain(digits: str) -> Fraction:
    return Fraction(re.sub(r"[^\d.+-]", "", digits))


def _places(digits: str) -> int:
    return len(digits.partition(".")[2])


def _spelled_out(text: str) -> Quantity | None:
    word, _, rest = text.casefold().partition(" ")
    if word in _WORDS and _unit(rest) is not None:
        return Quantity(Fraction(_WORDS.index(word)), 0, _unit(rest) or "", "")
    return None
