"""The words of mathematics: functions, constants, Greek letters and small numbers spelled out."""

_TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc")
FUNCTIONS: dict[str, str] = {
    **{name: name for name in _TRIGONOMETRIC},
    **{f"arc{name}": f"a{name}" for name in _TRIGONOMETRIC},
    **{f"a{name}": f"a{name}" for name in _TRIGONOMETRIC},
    **{name: name for name in ("sinh", "cosh", "tanh", "ln", "log", "exp", "sqrt", "abs", "gcd", "lcm", "max", "min")},
    "cosec": "csc", "tg": "tan", "ctg": "cot", "arctg": "atan", "lg": "log10", "cbrt": "cbrt", "floor": "floor",
    "ceil": "ceil", "frac": "frac", "binom": "binom", "dbinom": "binom", "tbinom": "binom", "choose": "choose",
    "boxed": "boxed", "begin": "begin", "end": "end", "mathbb": "blackboard", "overline": "overline", "dot": "dot",
    "vec": "mark", "overrightarrow": "mark", "bar": "mark", "hat": "mark", "tilde": "mark", "widehat": "mark",
    "mathcal": "mark", "mathscr": "mark", "boldsymbol": "mark", "bm": "mark", "ddot": "mark", "widetilde": "mark",
    "angle": "figure", "triangle": "figure", "measuredangle": "figure", "bigcirc": "figure", "operatorname": "mark",
    "underline": "mark", "mathfrak": "mark", "pmod": "modulo", "bmod": "modulo", "mod": "modulo",
}  # fmt: skip
"""Every spelling of a function or command with an argument, and the one name that the reader knows it by."""

_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Sigma", "Phi", "Psi", "Omega", "hbar", "ell",
)  # fmt: skip
NAMES: dict[str, str] = {
    **{name: f"\\{name}" for name in _GREEK},
    "pi": "π", "Pi": "π", "infty": "∞", "infinity": "∞", "Infinity": "∞", "inf": "∞", "oo": "∞", "emptyset": "∅",
    "varnothing": "∅", "imath": "i",
}  # fmt: skip
"""Letters written as a word, and the name of the variable or constant."""

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
NUMBER_WORDS: dict[str, int] = {**{word: number for number, word in enumerate(_SMALL)}, **_TENS}
