import ast
import importlib
import inspect
import json
import sys
import textwrap
import types

import pytest

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import procedural
from openreason_dagster.domain.verification.registry import Comparison
from openreason_dagster.domain.verification.workers import Workers

EVALUATORS = {"eval", "exec", "compile", "__import__"}
EVALUATING_PACKAGES = {"sympy", "subprocess", "os", "pickle", "ast", "importlib", "builtins"}
ALLOWED = procedural.COMPARED_TASKS | procedural.SCORED_TASKS


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


def test_scan_of_the_installed_scorers_finds_exactly_the_refused_tasks(datasets):
    evaluating = {
        task
        for task, (owner, _) in datasets.items()
        if evaluators_reached(inspect.getattr_static(owner, "score_answer"), owner=owner, seen=set())
    }
    assert evaluating == procedural.EVALUATING_TASKS
    assert not evaluating & ALLOWED


def test_allowed_tasks_exist_and_are_listed_once(datasets):
    assert set(datasets) >= ALLOWED
    assert not procedural.COMPARED_TASKS & procedural.SCORED_TASKS


@pytest.mark.parametrize("task", sorted(procedural.EVALUATING_TASKS))
def test_task_whose_scorer_evaluates_is_refused(task):
    with pytest.raises(SourceError, match=rf"{task}.*evaluates text as Python.*another task until.*sandbox"):
        procedural.require_safe_task(task)


def test_unknown_task_is_refused_with_the_allowed_ones():
    with pytest.raises(SourceError, match=r"'chess'.*gcd"):
        procedural.require_safe_task("chess")


def test_safe_task_passes():
    procedural.require_safe_task("gcd")


def test_answer_to_a_refused_task_is_never_scored(tmp_path):
    trap = tmp_path / "trap"
    judgement = procedural.judge("24", {"task": "puzzle24"}, f"<answer>open({str(trap)!r}, 'w')</answer>")
    assert judgement.verdict is Verdict.BAD_REFERENCE
    assert not trap.exists()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("task", sorted(ALLOWED))
def test_own_reference_is_correct_and_nonsense_is_not(task):
    reasoning_gym = importlib.import_module("reasoning_gym")
    entry = reasoning_gym.create_dataset(task, size=1, seed=5)[0]
    stored = json.loads(json.dumps(entry["metadata"])) if task in procedural.SCORED_TASKS else {}
    spec = {"task": task, "entry": {"metadata": stored}}
    accepted = procedural.judge(entry["answer"], spec, procedural.present(entry["answer"]))
    refused = procedural.judge(entry["answer"], spec, procedural.present("nonsense"))
    assert accepted.verdict is Verdict.CORRECT, accepted
    assert refused.verdict in (Verdict.INCORRECT, Verdict.ABSTAINED), refused


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
