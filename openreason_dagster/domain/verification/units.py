r"""Units of measure: one spelling for each, what they measure, and how they convert.

A unit is a product of powers of named units, such as `km/h` or `kg*m^2`. Everything is expressed in the base units of
the SI with exact factors; a degree Celsius or Fahrenheit converts only where nothing else is multiplied with it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from openreason_dagster.domain.verification.unit_table import (
    COUNTED,
    LONG_NAMES,
    PLAIN,
    POWER_WORDS,
    PREFIX_WORDS,
    PREFIXED,
    PREFIXES,
)

LONGEST_UNIT = 80
LARGEST_POWER = 9

_TOKEN = re.compile(r"\s*(?:([*/])|(\()|(\))|10\^\(?(-?\d{1,3})\)?|([^\s*/^\d()]+)(?:\^?\(?(-?\d)\)?(?!\d))?)\s*")
_LONG_NAME = re.compile("|".join(map(re.escape, LONG_NAMES)), re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """A unit in base units: ``value * factor`` of the powers in ``dimension``."""

    factor: Fraction
    dimension: tuple[tuple[str, int], ...]


def is_unit_word(word: str) -> bool:
    """Whether one word or symbol names a unit."""
    return _named(word) is not None


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit | None:
    """The unit that the whole text names, or None when it is not known.

    Powers may be written `m^2`, `m2`, `square meters`, `sq m` or `meters squared`; a quotient `m/s`, `meters per
    second` or `m s^-1`; a power of ten before the unit counts, as in `10^-19 J`.
    """
    text = _plain(text)
    if not text or len(text) > LONGEST_UNIT:
        return None
    reader = _UnitReader()
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or not reader.takes(match):
            return None
        position = match.end()
    return reader.unit()


class _UnitReader:
    """Multiplies the parts of a unit as they come."""

    def __init__(self) -> None:
        self.parts: list[tuple[Unit, int]] = []
        self.sign = 1
        self.group_sign = 1
        self.next_power = 1
        self.factor = Fraction(1)

    def takes(self, match: re.Match[str]) -> bool:
        """Take one token; False when it has no place in a unit."""
        operator, opens, closes, tens, word, power = match.groups()
        if operator:
            self.sign = -1 if operator == "/" else 1
        elif opens or closes:
            self.group_sign, self.sign = (self.sign, 1) if opens else (1, 1)
        elif tens:
            self.factor *= Fraction(10) ** int(tens)
        elif word.lower().rstrip(".") in POWER_WORDS:
            self.takes_power(POWER_WORDS[word.lower().rstrip(".")], is_behind=word.lower().endswith("d"))
        else:
            return self.takes_name(word, int(power or 1))
        return True

    def takes_power(self, power: int, *, is_behind: bool) -> None:
        """Apply "square" to the next name, "squared" to the last."""
        if is_behind and self.parts:
            unit, exponent = self.parts[-1]
            self.parts[-1] = (unit, exponent * power)
        else:
            self.next_power = power

    def takes_name(self, word: str, power: int) -> bool:
        """Take the name of a unit."""
        unit = _named(word)
        if unit is None or abs(power) > LARGEST_POWER:
            return False
        self.parts.append((unit, power * self.next_power * self.sign * self.group_sign))
        self.sign = self.next_power = 1
        return True

    def unit(self) -> Unit | None:
        """The product of all parts."""
        combined = Unit(self.factor, ())
        for unit, power in self.parts:
            combined = _times(combined, unit, power=power)
        return combined if self.parts or self.factor != 1 else None


def _plain(text: str) -> str:
    r"""The unit without LaTeX: `\mathrm{~m} / \mathrm{s}` is `m / s`."""
    text = re.sub(
        r"\\(?:text|mathrm|mbox|textrm|operatorname|rm)\b", " ", text.replace("\\cdot", "*").replace("\\,", " ")
    )
    text = re.sub(r"\^\s*\{?\s*\\circ\s*\}?|\\degree|\\circ", "°", text).replace("\\%", "%").replace("\\Omega", "Ω")
    text = text.replace("\\AA", "Å")
    text = (
        text.replace("\\mu", "μ")
        .replace("µ", "μ")
        .replace("·", "*")
        .replace("⋅", "*")
        .replace("²", "^2")
        .replace("³", "^3")
    )
    text = re.sub(r"[{}$~\\]", " ", text).replace("−", "-").replace("⁻¹", "^-1").replace("\\AA", "Å")
    text = re.sub(r"\s+per\s+", "/", re.sub(r"°\s+(?=[CF]\b)", "°", f" {text} "))
    text = re.sub(r"\s*\^\s*", "^", re.sub(r"μ\s+(?=\w)", "μ", text))
    text = _LONG_NAME.sub(lambda match: LONG_NAMES[match.group().lower()], text)
    return " ".join(text.split()).strip(" .,;")


def _times(one: Unit, other: Unit, *, power: int) -> Unit:
    powers = dict(one.dimension)
    for name, exponent in other.dimension:
        powers[name] = powers.get(name, 0) + exponent * power
    dimension = tuple(sorted((name, exponent) for name, exponent in powers.items() if exponent))
    return Unit(one.factor * other.factor**power, dimension)


@lru_cache(maxsize=4096)
def _named(word: str) -> Unit | None:
    for spelling in (word, word.rstrip("."), word.casefold().rstrip(".")):
        for singular in (spelling, spelling.removesuffix("s"), spelling.removesuffix("es")):
            if singular in _TABLE and (singular == spelling or len(singular) > 2):
                return _TABLE[singular]
    return None


def _table() -> Mapping[str, Unit]:
    table = {name: Unit(Fraction(1), ()) for name in COUNTED}
    for symbol, unit, names in _rows(PREFIXED):
        for prefix, exponent in PREFIXES.items():
            table.setdefault(prefix + symbol, _scaled(unit, exponent))
        for name in names:
            table[name] = unit
            table.update({prefix + name: _scaled(unit, exponent) for prefix, exponent in PREFIX_WORDS.items()})
    for symbol, unit, names in _rows(PLAIN):
        table.update(dict.fromkeys((symbol, *names), unit))
    return table


def _rows(lines: str) -> Iterator[tuple[str, Unit, list[str]]]:
    """Symbol, unit and further names of each line of a table."""
    for line in lines.strip().splitlines():
        symbol, dimension, factor, *names = line.split()
        powers: dict[str, int] = {}
        for sign, name, power in re.findall(r"([*/]?)([A-Za-z]+)(?:\^(\d))?", dimension):
            powers[name] = powers.get(name, 0) + int(power or 1) * (-1 if sign == "/" else 1)
        yield symbol, Unit(Fraction(factor), tuple(sorted(powers.items()))), names


def _scaled(unit: Unit, exponent: int) -> Unit:
    return Unit(unit.factor * Fraction(10) ** exponent, unit.dimension)


_TABLE = _table()
