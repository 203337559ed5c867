"""Rules of our own for `reasoning-gym` tasks whose scorers evaluate the answer, or accept what is not right.

A rule takes the reference, the entry's metadata and the answer, and says whether the answer is right; None where that
cannot be told. It takes time linear in the answer and evaluates nothing.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from openreason_dagster.domain.verification.antiderivative import same_derivative
from openreason_dagster.domain.verification.arithmetic_expression import parse_arithmetic
from openreason_dagster.domain.verification.polynomial import Polynomial, parse_polynomial

Rule = Callable[[str, Mapping[str, object], str], bool | None]
_POINTS = 24
_NUMBER = re.compile(r"[-+−]?(?:0|[1-9]\d{0,11})(?:\.\d{1,12})?")
_LETTER = re.compile(r"(?!v)[^\W\d_]")
_ROW_BREAK = re.compile(r"\]\s*,\s*\[|\n")
_HEXADECIMAL = re.compile(r"([-−]?)(?:0x)?(0|[1-9a-f][0-9a-f]{0,400})", re.IGNORECASE)
_FRACTION = re.compile(
    r"\$?\s*(?:\\[dt]?frac\s*\{\s*([-−]?\d{1,40})\s*\}\s*\{\s*(\d{1,40})\s*\}|([-−]?\d{1,40})\s*/\s*(\d{1,40}))\s*\$?"
)
_DURATION = re.compile(
    r"(?:(\d{1,9})(?:\s*days?)?(?:,?\s+|\Z))?(?:(\d{1,4}):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?)?", re.IGNORECASE
)


def _digit_rows(text: str) -> list[str]:
    rows = ["".join(character for character in line if character in "123456789") for line in text.splitlines()]
    return [row for row in rows if row]


def same_digit_grid(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The digits of each line, whatever signs stand between them; the puzzles have one solution."""
    del metadata
    return not _LETTER.search(answer) and _digit_rows(answer) == _digit_rows(reference)


def same_numbers(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The same rows of numbers, separated by blanks or commas, bare, bracketed or quoted."""
    del metadata
    return _number_rows(answer, None) == _number_rows(reference, None)


def same_numbers_to_two_places(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The same, rounded to two places, as the problem asks."""
    del metadata
    return _number_rows(answer, 2) == _number_rows(reference, 2)


def same_geometry(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The same angle, radius or coordinates, rounded to the places of the reference."""
    del metadata
    expected, found = (re.sub(r"°|\^\\circ|\$", "", text).strip() for text in (reference, answer))
    places = len(expected.strip("()").partition(",")[0].partition(".")[2])
    is_same_form = (expected[:1] == "(") == (found[:1] == "(") and (expected[-1:] == ")") == (found[-1:] == ")")
    rows = _number_rows(found.strip("()"), places)
    return is_same_form and rows is not None and rows == _number_rows(expected.strip("()"), places)


def _number_rows(text: str, places: int | None) -> list[list[Decimal]] | None:
    """Rows of numbers; None where the text holds anything else."""
    rows = [re.sub(r"[\[\]'\",]", " ", row).split() for row in _ROW_BREAK.split(text.strip())]
    if not all(_NUMBER.fullmatch(token) for row in rows for token in row):
        return None
    numbers = [[Decimal(token.replace("−", "-")) for token in row] for row in rows if row]
    if places is None:
        return numbers
    return [[round(number, places) for number in row] for row in numbers]


def same_text_or_characters(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The text itself, or a list of its characters."""
    del metadata
    listed = re.sub(r"[\s\[\]'\",]", "", answer)
    return listed == reference.strip()


def same_hexadecimal(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The same whole number in base 16."""
    del metadata
    expected, found = (_HEXADECIMAL.fullmatch(text.strip()) for text in (reference, answer))
    if expected is None or found is None:
        return False
    one, other = (int(match.group(2), 16) * (-1 if match.group(1) else 1) for match in (expected, found))
    return one == other


def same_reduced_fraction(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The numerator and the denominator of the reduced fraction, in any of the usual spellings."""
    del reference
    found = _FRACTION.fullmatch(answer.strip())
    if found is None:
        return False
    numerator, denominator = (int(part.replace("−", "-")) for part in found.groups() if part is not None)
    return (numerator, denominator) == (metadata["simplified_numerator"], metadata["simplified_denominator"])


def same_duration(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """The same days, hours, minutes, seconds and milliseconds; the word `days` may be left out."""
    del metadata
    expected, found = (_DURATION.fullmatch(text.strip()) for text in (reference, answer))
    if expected is None or found is None:
        return False
    return [int(part or 0) for part in expected.groups()] == [int(part or 0) for part in found.groups()]


def makes_target(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """An expression of exactly the given numbers that comes to the target; `= target` may follow it."""
    del reference
    target = metadata.get("target", _POINTS)
    expression, equals, result = answer.partition("=")
    found = parse_arithmetic(expression)
    if found is None or (equals and result.strip(" $.") != str(target)):
        return False
    return found.value == target and sorted(found.numbers) == sorted(_integers(metadata["numbers"]))


def _integers(values: object) -> list[int]:
    assert isinstance(values, list)
    return [int(value) for value in values]


def is_valid_board(reference: str, metadata: Mapping[str, object], answer: str) -> bool:
    """One of the boards that solve the puzzle, cells separated or not."""
    del reference
    solutions = metadata["valid_answers"]
    assert isinstance(solutions, list)
    cells = re.sub(r"[^Q_\n]", "", _ROW_BREAK.sub("\n", answer))
    rows = [row for row in cells.split("\n") if row]
    has_other_letters = re.search(r"[^\WQ_]", answer) is not None
    return not has_other_letters and rows in [str(board).replace(" ", "").split("\n") for board in solutions]


def same_output(reference: str, metadata: Mapping[str, object], answer: str) -> bool | None:
    """The same JSON value; where an input is asked for, another one may give the same output, so nothing is known."""
    try:
        expected, found = json.loads(reference), json.loads(answer)
    except (ValueError, RecursionError):
        return False
    if json.dumps(expected, sort_keys=True) == json.dumps(found, sort_keys=True):
        return True
    return None if expected == metadata.get("input_data") else False


def same_polynomial(reference: str, metadata: Mapping[str, object], answer: str) -> bool | None:
    """The same coefficients; an answer that is not written term by term is not judged."""
    del metadata
    found = parse_polynomial(answer)
    return None if found is None else found == parse_polynomial(reference)


def same_antiderivative(reference: str, metadata: Mapping[str, object], answer: str) -> bool | None:
    """The same polynomial but for a constant."""
    del metadata
    expected, found = _without_constants(reference), _without_constants(answer)
    return None if found is None else found == expected


def same_integral(reference: str, metadata: Mapping[str, object], answer: str) -> bool | None:
    """The same function but for a constant; not judged where it cannot be read, or is defined almost nowhere."""
    return same_derivative(reference, answer, variable=str(metadata["variable"]))


def _without_constants(text: str) -> Polynomial | None:
    parsed = parse_polynomial(text)
    if parsed is None:
        return None
    constants = [frozenset[tuple[str, int]](), *(frozenset({(name, 1)}) for name in "CcKk")]
    return {monomial: value for monomial, value in parsed.items() if monomial not in constants}


RULES: Mapping[str, Rule] = {
    "advanced_geometry": same_geometry,
    "binary_matrix": same_numbers,
    "bitwise_arithmetic": same_hexadecimal,
    "codeio": same_output,
    "countdown": makes_target,
    "fraction_simplification": same_reduced_fraction,
    "futoshiki": same_digit_grid,
    "intermediate_integration": same_integral,
    "mini_sudoku": same_digit_grid,
    "n_queens": is_valid_board,
    "number_sorting": same_numbers,
    "polynomial_multiplication": same_polynomial,
    "pool_matrix": same_numbers_to_two_places,
    "puzzle24": makes_target,
    "simple_integration": same_antiderivative,
    "spiral_matrix": same_numbers,
    "string_insertion": same_text_or_characters,
    "sudoku": same_digit_grid,
    "time_intervals": same_duration,
}
