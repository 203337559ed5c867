"""Which `reasoning-gym` tasks can be verified, how, and why the others cannot.

- `COMPARED_TASKS` have one right answer. It is compared here, and the package's scorer (which gives credit for
  answers that contain the reference, for the first number of a text, or within a tolerance) is not called.
- `RULES` of `procedural_rules` judge tasks whose scorers evaluate the answer or accept what is not right.
- `SCORED_TASKS` have several right answers, or one in several forms. The package's scorer runs in a worker process, and
  only its full score is correct.
- `REFUSED_TASKS` cannot be used, each for its reason.
"""

import re
from collections.abc import Mapping

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.verification.procedural_rules import RULES

COMPARED_TASKS = frozenset({
    "ab", "acre", "aiw", "arc_1d", "arc_agi", "base_conversion", "basic_arithmetic", "bf", "binary_alternation",
    "caesar_cipher", "calendar_arithmetic", "chain_sum", "circuit_logic", "coin_flip", "color_cube_rotation",
    "count_bits", "count_primes", "course_schedule", "decimal_arithmetic", "decimal_chain_sum", "dice",
    "emoji_mystery", "family_relationships", "figlet_font", "game_of_life", "game_of_life_halting", "gcd",
    "gsm_symbolic", "isomorphic_strings", "largest_island", "lcm", "leg_counting", "letter_counting",
    "letter_jumble", "list_functions", "mahjong_puzzle", "manipulate_matrix", "maze", "modulo_grid",
    "needle_haystack", "number_filtering", "number_format", "number_sequence", "path_star", "products",
    "ransom_note", "rearc", "rectangle_count", "rotate_matrix", "rotten_oranges", "self_reference",
    "sentence_reordering", "simple_equations", "simple_geometry", "spell_backward", "string_manipulation",
    "string_splitting", "string_synthesis", "syllogism", "tsumego", "word_sequence_reversal", "zebra_puzzles",
})  # fmt: skip
SCORED_TASKS = frozenset({
    "complex_arithmetic", "cryptarithm", "graph_color", "group_anagrams", "jugs", "kakurasu", "knight_swap",
    "knights_knaves", "palindrome_generation", "palindrome_partitioning", "polynomial_equations",
    "power_function", "prime_factorization", "propositional_logic", "quantum_lock", "rubiks_cube",
    "shortest_path", "sokoban", "survo", "tower_of_hanoi", "word_ladder", "word_sorting",
})  # fmt: skip
FORMS: Mapping[str, re.Pattern[str]] = {
    "kakurasu": re.compile(r"[01\s,\[\]]+"),
    "knights_knaves": re.compile(r"(?:[^\W\d_]+ is an? [a-z]+(?:, and |, | and |\.|\Z)\s*)+"),
    "propositional_logic": re.compile(r"(?:[A-Z](?![A-Z])|[¬∧∨→↔()\s])+"),
    "quantum_lock": re.compile(r"[ABC\s,>→-]+"),
    "sokoban": re.compile(r"[UDLR\s,]+"),
    "survo": re.compile(r"[\d\s,\[\]-]+"),
}
"""Whole answers to scored tasks whose scorers pick what they know out of any text, a hedge included."""
EVALUATING_SCORERS: Mapping[str, str] = {
    "binary_matrix": "eval of the answer",
    "bitwise_arithmetic": "eval of the problem, compared with the answer",
    "countdown": "sympy.parse_expr of the answer, which evaluates it as Python",
    "intermediate_integration": "sympy.parse_expr of the answer, which evaluates it as Python",
    "n_queens": "eval of the answer",
    "number_sorting": "eval of the reference",
    "polynomial_multiplication": "sympy.parse_expr of the answer, which evaluates it as Python",
    "puzzle24": "sympy.parse_expr of the answer, which evaluates it as Python",
    "simple_integration": "sympy.parse_expr of the answer, which evaluates it as Python",
    "spiral_matrix": "eval of the answer",
    "string_insertion": "eval of the answer",
}
"""Tasks whose scorers evaluate text, and how; these scorers are never called in our processes."""
REFUSED_TASKS: Mapping[str, str] = {
    "boxnet": "the package gives no answer to its problems, so that nothing shows that they can be solved",
    "composite": "it is a mixture; list its tasks as sources of their own",
    "rush_hour": "the package gives no answer to its problems, so that nothing shows that they can be solved",
}
"""Tasks that cannot be used, and why."""
USABLE_TASKS = COMPARED_TASKS | SCORED_TASKS | frozenset(RULES)


def require_safe_task(task: str) -> None:
    """Refuse a task, by its name in `reasoning-gym`, whose answers cannot be verified safely.

    Raises:
        SourceError: naming the task, the reason and the remedy.
    """
    if task in USABLE_TASKS:
        return
    if task in REFUSED_TASKS:
        raise SourceError(f"reasoning_gym task {task!r} cannot be used: {REFUSED_TASKS[task]}. Use another task")
    raise SourceError(
        f"reasoning_gym task {task!r} cannot be used: it is not among the tasks whose scorers are known to be safe and "
        f"exact; use one of: {', '.join(sorted(USABLE_TASKS))}"
    )
