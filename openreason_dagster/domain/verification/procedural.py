"""Verifier kind `procedural`: answers to generated problems of the `reasoning-gym` package.

The specification holds `{"task": name, "entry": {"metadata": {…}}}`; the reference is the entry's answer. Tasks are
allowed by name, for a scorer may evaluate the answer as Python or accept what is not equal:

- `COMPARED_TASKS` have one right answer. It is compared here, exactly, and the package's scorer (which gives credit
  for answers that contain the reference, for the first number of a text, or within a tolerance) is not called.
- `SCORED_TASKS` have several right answers, or one in several forms. The package's scorer runs in a worker process, and
  only its full score is correct.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import explicit_answer
from openreason_dagster.domain.verification.normalisation import without_wrappers
from openreason_dagster.domain.verification.quantities import parse_quantity

COMPARED_TASKS = frozenset({
    "ab", "acre", "aiw", "arc_1d", "arc_agi", "base_conversion", "basic_arithmetic", "bf", "binary_alternation",
    "caesar_cipher", "chain_sum", "circuit_logic", "coin_flip", "color_cube_rotation", "count_bits", "count_primes",
    "course_schedule", "decimal_arithmetic", "decimal_chain_sum", "dice", "emoji_mystery", "family_relationships",
    "figlet_font", "game_of_life", "game_of_life_halting", "gcd", "gsm_symbolic", "isomorphic_strings",
    "largest_island", "lcm", "leg_counting", "letter_counting", "letter_jumble", "list_functions", "mahjong_puzzle",
    "manipulate_matrix", "maze", "modulo_grid", "needle_haystack", "number_filtering", "number_format",
    "number_sequence", "path_star", "products", "ransom_note", "rearc", "rectangle_count", "rotate_matrix",
    "rotten_oranges", "self_reference", "sentence_reordering", "simple_equations", "simple_geometry",
    "spell_backward", "string_manipulation", "string_splitting", "string_synthesis", "syllogism", "tsumego",
    "word_sequence_reversal", "zebra_puzzles",
})  # fmt: skip
SCORED_TASKS = frozenset({
    "calendar_arithmetic", "complex_arithmetic", "cryptarithm", "fraction_simplification", "futoshiki",
    "group_anagrams", "jugs", "kakurasu", "knight_swap", "knights_knaves", "mini_sudoku",
    "palindrome_generation", "palindrome_partitioning", "polynomial_equations", "power_function",
    "prime_factorization", "quantum_lock", "shortest_path", "sokoban", "sudoku",
    "survo", "time_intervals", "tower_of_hanoi", "word_ladder", "word_sorting",
})  # fmt: skip
EVALUATING_TASKS = frozenset({
    "binary_matrix", "bitwise_arithmetic", "countdown", "intermediate_integration", "n_queens", "number_sorting",
    "polynomial_multiplication", "puzzle24", "simple_integration", "spiral_matrix", "string_insertion",
})  # fmt: skip
_FULL_SCORE = 1.0


def require_safe_task(task: str) -> None:
    """Refuse a task, by its name in `reasoning-gym`, whose answers cannot be verified safely.

    Raises:
        SourceError: naming the task, the reason and the remedy.
    """
    if task in COMPARED_TASKS or task in SCORED_TASKS:
        return
    if task in EVALUATING_TASKS:
        raise SourceError(
            f"reasoning_gym task {task!r} cannot be used: its scorer evaluates text as Python code, which would run "
            "whatever a model answers; expected a task whose scorer only compares. Use another task until answers can "
            "be scored in a sandbox"
        )
    raise SourceError(
        f"reasoning_gym task {task!r} cannot be used: it is not among the tasks whose scorers are known to be safe and "
        f"exact; use one of: {', '.join(sorted(COMPARED_TASKS | SCORED_TASKS))}"
    )


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"<answer>{reference}</answer>"


def prepare() -> None:
    """Load the scorers."""
    import reasoning_gym  # noqa: F401


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge completely; the package's scorers may hang on hostile text, so run it in a worker process."""
    direct = judge_directly(reference, spec, answer)
    return direct if direct is not None else _judge_by_scorer(reference, spec, _extracted(answer))


def judge_directly(reference: str, spec: Mapping[str, object], answer: str) -> Judgement | None:
    """Judge tasks that are compared; None for those that need the package's scorer."""
    task = str(spec.get("task"))
    try:
        require_safe_task(task)
    except SourceError as error:
        return _judgement(Verdict.BAD_REFERENCE, None, "refused", str(error))
    if not reference.strip():
        return _judgement(Verdict.BAD_REFERENCE, None, "compared", "the reference is empty")
    extracted = _extracted(answer)
    if not extracted:
        return _judgement(Verdict.NO_ANSWER, None, "extraction", "no final answer was found")
    if task in SCORED_TASKS:
        return None
    if _is_same(reference, extracted):
        return _judgement(Verdict.CORRECT, extracted, "compared", "the answers are equal")
    return _judgement(Verdict.INCORRECT, extracted, "compared", "the answers differ")


def _extracted(answer: str) -> str:
    explicit = explicit_answer(answer) or answer
    return without_wrappers(explicit).strip().strip("`").strip()


def _is_same(reference: str, answer: str) -> bool:
    """Equal line by line whatever the spaces and letter case; or equal as JSON; or as numbers without leading zeros."""
    if _lines(reference) == _lines(answer) or _is_same_json(reference, answer):
        return True
    expected, found = parse_quantity(reference), parse_quantity(answer)
    if expected is None or found is None or _has_leading_zero(reference) or _has_leading_zero(answer):
        return False
    return expected.value == found.value and not found.unit


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()).casefold() for line in text.strip().splitlines() if line.strip()]


def _has_leading_zero(text: str) -> bool:
    digits = text.strip().lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _is_same_json(reference: str, answer: str) -> bool:
    if not reference.lstrip().startswith(("[", "{")):
        return False
    try:
        return json.dumps(json.loads(reference)) == json.dumps(json.loads(answer))
    except (ValueError, RecursionError):
        return False


def _judge_by_scorer(reference: str, spec: Mapping[str, object], extracted: str) -> Judgement:
    entry = spec.get("entry")
    if not isinstance(entry, dict) or not isinstance(entry.get("metadata"), dict):
        message = "the specification has no `entry` with `metadata`"
        return _judgement(Verdict.BAD_REFERENCE, extracted, "scorer", message)
    scorer = _scorer(str(spec["task"]))
    try:
        score = float(scorer(extracted, {**entry, "answer": reference}))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError, ArithmeticError) as error:
        message = f"the scorer cannot read the answer: {type(error).__name__}: {error}"[:300]
        return _judgement(Verdict.ABSTAINED, extracted, "scorer", message)
    verdict = Verdict.CORRECT if score == _FULL_SCORE else Verdict.INCORRECT
    return _judgement(verdict, extracted, "scorer", f"score {score:g}")


@lru_cache(maxsize=128)
def _scorer(task: str) -> Callable[[str, dict[str, object]], float]:
    from reasoning_gym.factory import get_score_answer_fn

    scorer: Callable[[str, dict[str, object]], float] = get_score_answer_fn(task)
    return scorer


def _judgement(verdict: Verdict, extracted: str | None, stage: str, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method=f"procedural/{stage}", message=message, milliseconds=0.0
    )
