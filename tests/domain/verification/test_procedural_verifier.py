import ast
import importlib
import inspect
import json
import random
import sys
import textwrap
import types

import pytest

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import ProceduralSource
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.seeds import procedural as seeds
from openreason_dagster.domain.verification import procedural
from openreason_dagster.domain.verification.procedural_rules import RULES
from openreason_dagster.domain.verification.procedural_tasks import (
    COMPARED_TASKS,
    EVALUATING_SCORERS,
    REFUSED_TASKS,
    SCORED_TASKS,
    USABLE_TASKS,
    require_safe_task,
)
from openreason_dagster.domain.verification.registry import Comparison
from openreason_dagster.domain.verification.workers import Workers

EVALUATORS = {"eval", "exec", "compile", "__import__"}
EVALUATING_PACKAGES = {"sympy", "subprocess", "os", "pickle", "ast", "importlib", "builtins"}


@pytest.fixture(scope="module")
def datasets():
    return importlib.import_module("reasoning_gym.factory").DATASETS


def meaning(node, *, names, owner):
    """The object that a name or attribute in a function's source stands for, None where that cannot be told."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        found = inspect.getattr_static(owner, node.attr, None) if owner else None
        return found.__func__ if isinstance(found, staticmethod | classmethod) else found
    base = meaning(node.value, names=names, owner=owner)
    return getattr(base, node.attr, None) if isinstance(base, types.ModuleType | type) else None


def evaluators_reached(function, *, owner, seen):
    """Names of evaluating calls in a function and in all of the package that it refers to."""
    if function in seen:
        return set()
    seen.add(function)
    owner = function if isinstance(function, type) else owner
    names = vars(sys.modules[function.__module__])
    found = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Name) and node.id in EVALUATORS and node.id not in names:
            found.add(node.id)
        target = meaning(node, names=names, owner=owner)
        module = target.__name__ if isinstance(target, types.ModuleType) else getattr(target, "__module__", None) or ""
        if module.split(".")[0] in EVALUATING_PACKAGES:
            found.add(module)
        if module.startswith("reasoning_gym") and isinstance(target, types.FunctionType | type):
            found |= evaluators_reached(target, owner=owner, seen=seen)
    return found


def test_scan_of_the_installed_scorers_finds_exactly_the_listed_ones(datasets):
    evaluating = {
        task
        for task, (owner, _) in datasets.items()
        if evaluators_reached(inspect.getattr_static(owner, "score_answer"), owner=owner, seen=set())
    }
    assert evaluating == set(EVALUATING_SCORERS)


def test_scorer_that_evaluates_is_never_called():
    assert not set(EVALUATING_SCORERS) & SCORED_TASKS


def test_every_task_of_the_package_is_usable_or_refused_for_a_reason(datasets):
    assert set(datasets) == USABLE_TASKS | set(REFUSED_TASKS)
    assert not USABLE_TASKS & set(REFUSED_TASKS)
    assert len(USABLE_TASKS) == len(COMPARED_TASKS) + len(SCORED_TASKS) + len(RULES)


@pytest.mark.parametrize("task", sorted(REFUSED_TASKS))
def test_refused_task_names_the_reason(task):
    with pytest.raises(SourceError, match=rf"'{task}' cannot be used: {REFUSED_TASKS[task]}. Use another task"):
        require_safe_task(task)


def test_unknown_task_is_refused_with_the_allowed_ones():
    with pytest.raises(SourceError, match=r"'chess'.*gcd"):
        require_safe_task("chess")


def test_safe_task_passes():
    require_safe_task("gcd")


@pytest.mark.parametrize(
    ("task", "verdict"), [("composite", Verdict.BAD_REFERENCE), ("intermediate_integration", Verdict.ABSTAINED)]
)
def test_answer_that_is_a_program_is_never_run(tmp_path, task, verdict):
    trap = tmp_path / "trap"
    spec = {"task": task, "entry": {"metadata": {"variable": "x"}}}
    judgement = procedural.judge("x", spec, f"<answer>open({str(trap)!r}, 'w')</answer>")
    assert judgement.verdict is verdict
    assert not trap.exists()


def entry_of(task, seed):
    """The task's problem, its answer and the specification as they are stored."""
    source = ProceduralSource(
        kind="procedural", name="made", license="MIT", task=f"reasoning_gym/{task}", count=1, seed=seed, domain="logic"
    )
    [entry] = seeds._entries_here(source, task)
    row = seeds._reasoning_gym_row(source, task, row_id="0", entry=entry)
    return row.reference_answer, json.loads(row.verifier_spec)


SEVERAL_ANSWERS = frozenset({
    "coin_flip", "complex_arithmetic", "cryptarithm", "decimal_chain_sum", "graph_color", "number_sorting",
    "polynomial_equations", "pool_matrix", "power_function", "sokoban", "time_intervals",
})  # fmt: skip
"""Tasks in which an answer with one character changed can be right as well, as `36.i` is `36.0i`."""


def mutations(reference, rng):
    """Answers that differ from the reference: nonsense, a hedge, a changed, a lost and an added character."""
    yield "nonsense"
    yield f"{reference} or something else"
    yield f"I think it is {reference}"
    places = [place for place, character in enumerate(reference) if character.isalnum()]
    for place in rng.sample(places, min(3, len(places))):
        character = reference[place]
        other = str((int(character) + 1) % 10) if character in "0123456789" else "q" if character != "q" else "z"
        yield reference[:place] + other + reference[place + 1 :]
        yield reference[:place] + reference[place + 1 :]
        yield reference[:place] + character + reference[place:]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("task", sorted(USABLE_TASKS))
def test_own_answer_is_correct_and_mutated_ones_are_not(task):
    rng = random.Random(task)
    for seed in range(2):
        reference, spec = entry_of(task, seed)
        accepted = procedural.judge(reference, spec, procedural.present(reference))
        assert accepted.verdict is Verdict.CORRECT, accepted
        for mutated in mutations(reference, rng):
            judgement = procedural.judge(reference, spec, procedural.present(mutated))
            is_wrong = task not in SEVERAL_ANSWERS or len(mutated) > len(reference) + 1
            assert judgement.verdict is not Verdict.CORRECT or not is_wrong, (reference, mutated)


@pytest.mark.parametrize(
    ("task", "reference", "answer"),
    [
        pytest.param("products", "100", "101", id="within one percent"),
        pytest.param("gcd", "100", "The gcd, found by halving, is 100 or so", id="contains the reference"),
        pytest.param("gsm_symbolic", "12", "<answer>12 or 13</answer>", id="first number of several"),
        pytest.param("game_of_life_halting", "True", "<answer>False</answer>", id="any text counts as true"),
        pytest.param("decimal_arithmetic", "1.25", "<answer>1.26</answer>", id="within a tolerance"),
        pytest.param("figlet_font", "ABCDEFGHIJKL", "<answer>ABCDEFGHIJKX</answer>", id="ten letters in place"),
        pytest.param("game_of_life", "[[0, 1]]", "<answer>[[0, 1], [1, 1]]</answer>", id="more rows than asked"),
        pytest.param("base_conversion", "101", "<answer>0101</answer>", id="leading zero"),
        pytest.param("calendar_arithmetic", "100", "<answer>101</answer>", id="nearly the number of days"),
    ],
)
def test_credit_that_the_package_gives_is_not_inherited(task, reference, answer):
    assert procedural.judge(reference, {"task": task}, answer).verdict is Verdict.INCORRECT


@pytest.mark.parametrize(
    ("task", "reference", "answer"),
    [
        pytest.param("gcd", "100", r"\boxed{100}", id="box"),
        pytest.param("simple_geometry", "48", "<answer>48.0</answer>", id="decimal"),
        pytest.param("chain_sum", "1234", "<answer>1,234</answer>", id="thousands comma"),
        pytest.param("family_relationships", "mother", "<answer>Mother</answer>", id="letter case"),
        pytest.param("rotate_matrix", "1 2\n3 4", "<answer>\n1  2\n3 4\n</answer>", id="spaces in a grid"),
        pytest.param("game_of_life", "[[0,1],[1,0]]", "<answer>[[0, 1], [1, 0]]</answer>", id="JSON with spaces"),
        pytest.param("coin_flip", "0.25", "<answer>1/4</answer>", id="fraction"),
        pytest.param("syllogism", "Yes", r"\boxed{\text{Yes}}", id="text in a box"),
    ],
)
def test_same_answer_in_another_form_is_correct(task, reference, answer):
    assert procedural.judge(reference, {"task": task}, answer).verdict is Verdict.CORRECT


def test_scorer_that_cannot_read_the_answer_abstains():
    spec = {"task": "prime_factorization", "entry": {"metadata": {}}}
    assert procedural.judge("2 × 3", spec, "<answer>two × 3</answer>").verdict is Verdict.ABSTAINED


def test_missing_entry_is_a_bad_reference():
    judgement = procedural.judge("a, b", {"task": "word_sorting"}, "<answer>a, b</answer>")
    assert judgement.verdict is Verdict.BAD_REFERENCE


def test_no_answer_is_no_answer():
    assert procedural.judge("6", {"task": "gcd"}, " ").verdict is Verdict.NO_ANSWER


def test_scorers_run_in_a_worker():
    spec = json.dumps({"task": "word_sorting", "entry": {"metadata": {"sorted_words": ["ant", "bee"]}}})
    answers = ["<answer>ant, bee</answer>", "<answer>bee, ant</answer>"]
    items = [
        Comparison(kind="procedural", reference="ant, bee", spec_json=spec, answer=answer) for answer in answers
    ]  # fmt: skip
    with Workers(count=1, timeout_seconds=60, memory_megabytes=1024) as workers:
        verdicts = {comparison.answer: judgement.verdict for comparison, judgement in workers.judge(items)}
    assert verdicts == {answers[0]: Verdict.CORRECT, answers[1]: Verdict.INCORRECT}
