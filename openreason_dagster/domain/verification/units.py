r"""Units of measure: one spelling for each, what they measure, and how they convert.

A unit is a product of powers of named units, such as `km/h` or `kg*m^2`. Everything is expressed in the base units of the
SI with exact factors; a degree Celsius or Fahrenheit converts only where nothing else is multiplied with it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

LONGEST_UNIT = 80
LARGEST_POWER = 9

_PREFIXES = {
    "": 0, "f": -15, "p": -12, "n": -9, "μ": -6, "u": -6, "m": -3, "c": -2, "d": -1, "k": 3, "M": 6, "G": 9, "T": 12,
}  # fmt: skip
_PREFIX_WORDS = {
    "femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2, "deci": -1, "kilo": 3, "mega": 6,
    "giga": 9, "tera": 12,
}  # fmt: skip
_PREFIXED = {
    # symbol: dimension, factor in base units, names
    "m": ("m", "1", ("meter", "metre")), "g": ("kg", "1/1000", ("gram", "gramme")), "s": ("s", "1", ("second", "sec")),
    "A": ("A", "1", ("ampere", "amp")), "mol": ("mol", "1", ("mole",)), "N": ("kg*m/s^2", "1", ("newton",)),
    "J": ("kg*m^2/s^2", "1", ("joule",)), "W": ("kg*m^2/s^3", "1", ("watt",)), "Pa": ("kg/m/s^2", "1", ("pascal",)),
    "V": ("kg*m^2/s^3/A", "1", ("volt",)), "C": ("A*s", "1", ("coulomb",)), "Hz": ("1/s", "1", ("hertz",)),
    "Ω": ("kg*m^2/s^3/A^2", "1", ("ohm",)), "F": ("A^2*s^4/kg/m^2", "1", ("farad",)), "K": ("K", "1", ("kelvin",)),
    "T": ("kg/s^2/A", "1", ("tesla",)), "H": ("kg*m^2/s^2/A^2", "1", ("henry",)), "Wb": ("kg*m^2/s^2/A", "1", ()),
    "eV": ("kg*m^2/s^2", "1602176634/10000000000000000000000000000", ("electronvolt", "electron volt")),
    "L": ("m^3", "1/1000", ("liter", "litre")), "l": ("m^3", "1/1000", ()), "cal": ("kg*m^2/s^2", "4184/1000", ()),
    "bar": ("kg/m/s^2", "100000", ()), "M": ("mol/m^3", "1000", ("molar",)), "rad": ("", "1", ("radian",)),
    "dyn": ("kg*m/s^2", "1/100000", ("dyne",)), "erg": ("kg*m^2/s^2", "1/10000000", ()), "pc": ("m", "30856775814913673", ()),
}  # fmt: skip
_PLAIN = {
    "min": ("s", "60", ("minute",)), "h": ("s", "3600", ("hour", "hr")), "day": ("s", "86400", ("d",)),
    "week": ("s", "604800", ()), "year": ("s", "31557600", ("yr",)), "inch": ("m", "254/10000", ("in", "inches")),
    "ft": ("m", "3048/10000", ("foot", "feet")), "yd": ("m", "9144/10000", ("yard",)), "mile": ("m", "1609344/1000", ("mi",)),
    "lb": ("kg", "45359237/100000000", ("pound", "lbs")), "oz": ("kg", "45359237/1600000000", ("ounce",)),
    "tonne": ("kg", "1000", ("ton",)), "atm": ("kg/m/s^2", "101325", ("atmosphere",)), "Å": ("m", "1/10000000000", ("angstrom",)),
    "torr": ("kg/m/s^2", "101325/760", ("mmhg",)), "u": ("kg", "166053906660/100000000000000000000000000000000000000", ("amu",)),
    "acre": ("m^2", "40468564224/10000000", ()), "hectare": ("m^2", "10000", ("ha",)), "mph": ("m/s", "44704/100000", ()),
    "gallon": ("m^3", "3785411784/1000000000000", ("gal",)), "°": ("angle", "1", ("degree", "deg")), "°C": ("celsius", "1", ("celsius",)),
    "°F": ("fahrenheit", "1", ("fahrenheit",)), "%": ("percent", "1", ("percent", "percentage", "pct")), "knot": ("m/s", "1852/3600", ()),
    "dollar": ("dollar", "1", ("usd", "buck")), "cent": ("dollar", "1/100", ("¢",)), "euro": ("euro", "1", ()), "yuan": ("yuan", "1", ("rmb",)),
    "pound sterling": ("pound", "1", ("gbp",)), "yen": ("yen", "1", ()), "rupee": ("rupee", "1", ()), "AU": ("m", "149597870700", ()),
    "ly": ("m", "9460730472580800", ("light year", "light-year")), "rev": ("turn", "1", ("revolution",)), "rpm": ("turn/s", "1/60", ()),
    "psi": ("kg/m/s^2", "6894757293168/1000000000", ()), "lbf": ("kg*m/s^2", "4448221615/1000000000", ("lb-f",)), "kPA": ("kg/m/s^2", "1000", ()), "KJ": ("kg*m^2/s^2", "1000", ("kj",)),
    "month": ("s", "2629800", ("mo",)), "slug": ("kg", "1459390294/100000000", ()), "N·m": ("kg*m^2/s^2", "1", ("n·m",)), "hp": ("kg*m^2/s^3", "745699872/1000000", ("horsepower",)),
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:([*/])|(\()|(\))|10\^\(?(-?\d{1,3})\)?|([^\s*/^\d()]+)(?:\^?\(?(-?\d)\)?(?!\d))?)\s*"
)
_COUNTED = ("photon", "electron", "particle", "molecule", "atom", "ion", "cycle", "count")
"""What is counted in physics: a pure number."""
_POWER_WORDS = {"square": 2, "squared": 2, "sq": 2, "cubic": 3, "cubed": 3, "cu": 3}
_LONG_NAMES = {
    "light years": "ly", "light year": "ly", "light-years": "ly", "light-year": "ly", "electron volts": "eV",
    "electron volt": "eV", "pound sterling": "gbp", "ft-lb": "ft*lbf", "foot-pounds": "ft*lbf", "foot-pound": "ft*lbf",
    "degrees celsius": "°C", "degrees fahrenheit": "°F", "degree celsius": "°C", "degrees kelvin": "K",
}  # fmt: skip
_LONG_NAME = re.compile("|".join(map(re.escape, _LONG_NAMES)), re.IGNORECASE)


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

    Powers may be written `m^2`, `m2`, `square meters`, `sq m` or `meters squared`; a quotient `m/s`, `meters per second`
    or `m s^-1`; a power of ten before the unit counts, as in `10^-19 J`.
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
        elif word.lower().rstrip(".") in _POWER_WORDS:
            self.takes_power(_POWER_WORDS[word.lower().rstrip(".")], is_behind=word.lower().endswith("d"))
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
    text = re.sub(r"\\(?:text|mathrm|mbox|textrm|operatorname|rm)\b", " ", text.replace("\\cdot", "*").replace("\\,", " "))
    text = re.sub(r"\^\s*\{?\s*\\circ\s*\}?|\\degree|\\circ", "°", text).replace("\\%", "%").replace("\\Omega", "Ω")
    text = text.replace("\\AA", "Å")
    text = text.replace("\\mu", "μ").replace("µ", "μ").replace("·", "*").replace("⋅", "*").replace("²", "^2").replace("³", "^3")
    text = re.sub(r"[{}$~\\]", " ", text).replace("−", "-").replace("⁻¹", "^-1").replace("\\AA", "Å")
    text = re.sub(r"\s+per\s+", "/", re.sub(r"°\s+(?=[CF]\b)", "°", f" {text} "))
    text = re.sub(r"\s*\^\s*", "^", re.sub(r"μ\s+(?=\w)", "μ", text))
    text = _LONG_NAME.sub(lambda match: _LONG_NAMES[match.group().lower()], text)
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
    table = {name: Unit(Fraction(1), ()) for name in _COUNTED}
    for symbol, (dimension, factor, names) in _PREFIXED.items():
        for prefix, exponent in _PREFIXES.items():
            table.setdefault(prefix + symbol, _base(dimension, Fraction(factor) * Fraction(10) ** exponent))
        for name in names:
            table[name] = _base(dimension, Fraction(factor))
            for prefix, exponent in _PREFIX_WORDS.items():
                table[prefix + name] = _base(dimension, Fraction(factor) * Fraction(10) ** exponent)
    for symbol, (dimension, factor, names) in _PLAIN.items():
        for name in (symbol, *names):
            table[name] = _base(dimension, Fraction(factor))
    return table


def _base(dimension: str, factor: Fraction) -> Unit:
    powers: dict[str, int] = {}
    for sign, name, power in re.findall(r"([*/]?)([A-Za-z]+)(?:\^(\d))?", dimension.removeprefix("1")):
        powers[name] = powers.get(name, 0) + int(power or 1) * (-1 if sign == "/" else 1)
    return Unit(factor, tuple(sorted(powers.items())))


_TABLE = _table()
