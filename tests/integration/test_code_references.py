"""Published code tasks: every reference solution is correct and every mutant of it is not, in every language here."""

import json
import shutil
from pathlib import Path

import pytest
from code_solutions import (
    EQUAL_REMAINDER_CHECKER,
    EQUAL_REMAINDER_SOLUTION,
    EQUAL_REMAINDERS,
    NUMBER_WITH_ZEROS_SOLUTION,
    NUMBERS_WITH_ZEROS,
    SPECIAL_NUMBER_SOLUTION,
    SPECIAL_NUMBERS,
    SQUARE_STRING_SOLUTIONS,
    SQUARE_STRINGS,
)

from openreason_dagster.domain.recipe_code import CodeLimits, CodeSource
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.sandbox import LANGUAGES
from openreason_dagster.domain.seeds.code_columns import code_spec, whole_solution
from openreason_dagster.domain.verification.code import judge_in, present
from openreason_dagster.resources.sandbox.bubblewrap import Bubblewrap

DATA = Path(__file__).parents[1] / "data"
SOURCES = {
    "mbpp": (CodeSource(suite="test_list", setup="test_setup_code"), "code"),
    "humaneval": (
        CodeSource(suite="test", entry="entry_point", prelude="prompt", continues="prompt"),
        "canonical_solution",
    ),
    "leetcode_dataset": (CodeSource(suite="test", entry="entry_point", prelude="prompt"), "completion"),
}
MUTANT = """

def _changed(value):
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float, complex)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return [value, "changed"]


def _mutant_of(function):
    return lambda *positional, **named: _changed(function(*positional, **named))


"""
COMPARES_THE_ANSWER_WITH_ITSELF = "HumanEval/33"
COMMANDS = {"cpp": "g++", "c": "gcc", "javascript": "node", "java": "javac", "go": "go", "rust": "rustc"}


def rows(name):
    source, column = SOURCES[name]
    for line in next((DATA / name).glob("*.jsonl")).read_text().splitlines():
        row = json.loads(line)
        solution = whole_solution(row, source, column)
        yield pytest.param(row["task_id"], code_spec(row, source, solution), solution, id=f"{name}-{row['task_id']}")


TASKS = [row for name in SOURCES for row in rows(name)]


@pytest.fixture(scope="module")
def judge():
    sandbox = Bubblewrap.find()
    limits = CodeLimits(seconds_per_test=20).limits
    return lambda spec, answer: judge_in(sandbox, limits, spec, answer)


@pytest.mark.parametrize(("task", "spec", "solution"), TASKS)
def test_reference_is_correct_and_its_mutant_is_not(judge, task, spec, solution):
    judgement = judge(spec, present(solution))
    assert judgement.verdict is Verdict.CORRECT, judgement.message
    if task != COMPARES_THE_ANSWER_WITH_ITSELF:
        judgement = judge(spec, present(solution + mutation(spec)))
        assert judgement.verdict is Verdict.INCORRECT, judgement.message


def mutation(spec):
    """Code that makes what the tests call return something else."""
    entry = spec.get("entry") or spec["suite"].split("assert ")[1].split("(")[0]
    if entry.startswith("Solution()."):
        method = f"Solution.{entry.removeprefix('Solution().')}"
        return f"{MUTANT}{method} = _mutant_of({method})\n"
    return f"{MUTANT}{entry} = _mutant_of({entry})\n"


def contest(number, **changes):
    row = json.loads((DATA / "code_contests/test.jsonl").read_text().splitlines()[number])
    source = CodeSource(stdio="tests", language=changes.pop("language", "python"))
    return code_spec(row, source, None) | changes


@pytest.mark.parametrize("language", LANGUAGES)
def test_program_in_every_language(judge, language):
    solution = SQUARE_STRING_SOLUTIONS[language]
    spec = contest(SQUARE_STRINGS, language=language)
    right = judge(spec, f"```{language}\n{solution}\n```")
    wrong = judge(spec, f"```{language}\n{solution.replace('YES', 'yep')}\n```")
    if shutil.which(COMMANDS.get(language, "sh")) is None:
        assert (right.verdict, wrong.verdict) == (Verdict.ERROR, Verdict.ERROR)
        assert f"absent toolchain: {COMMANDS[language]} is not installed" in right.message
    else:
        assert (right.verdict, wrong.verdict) == (Verdict.CORRECT, Verdict.INCORRECT), (right, wrong)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language in COMMANDS])
def test_absent_toolchain_is_an_error_that_says_so(judge, language, monkeypatch, tmp_path):
    for name in ("bwrap", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    spec = contest(SQUARE_STRINGS, language=language)
    judgement = judge(spec, f"```{language}\n{SQUARE_STRING_SOLUTIONS[language]}\n```")
    assert judgement.verdict is Verdict.ERROR
    assert f"absent toolchain: {COMMANDS[language]} is not installed on this machine" in judgement.message


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language in {"cpp", "c", "java", "rust"}])
def test_program_that_does_not_compile_is_incorrect(judge, language):
    if shutil.which(COMMANDS[language]) is None:
        pytest.skip(f"{COMMANDS[language]} is not installed")
    judgement = judge(contest(SQUARE_STRINGS, language=language), f"```{language}\nthis is {{ no program\n```")
    assert judgement.verdict is Verdict.INCORRECT
    assert "the compiler ended with code" in judgement.message


@pytest.mark.parametrize(
    ("spec", "solution", "wrong"),
    [
        pytest.param(contest(SPECIAL_NUMBERS), SPECIAL_NUMBER_SOLUTION, ("10**9 + 7", "10**9 + 9"), id="tokens"),
        pytest.param(
            contest(NUMBERS_WITH_ZEROS), NUMBER_WITH_ZEROS_SOLUTION, ("left > right", "left >= right"), id="many_tests"
        ),
        pytest.param(
            contest(EQUAL_REMAINDERS, comparison="checker", checker=EQUAL_REMAINDER_CHECKER),
            EQUAL_REMAINDER_SOLUTION,
            ("x > y", "x >= y"),
            id="any_of_several_answers",
        ),
    ],
)
def test_contest_problem(judge, spec, solution, wrong):
    right = judge(spec, present(solution))
    assert right.verdict is Verdict.CORRECT, right.message
    assert judge(spec, present(solution.replace(*wrong))).verdict is Verdict.INCORRECT
