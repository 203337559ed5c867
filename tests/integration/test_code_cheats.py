"""No answer is found correct but for giving the right results; each row is a way to try."""

import pytest
from cheating_programs import CALLS, CHECKED, FUNCTIONS, HONEST, PROGRAM, PROGRAMS, SIMPLE

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.sandbox import Limits
from openreason_dagster.domain.verification.code import judge_in
from openreason_dagster.resources.sandbox.bubblewrap import Bubblewrap

LIMITS = Limits(cpu_seconds=2, wall_seconds=4, memory_megabytes=500, output_bytes=1_000_000)
WITH_CHECKER = PROGRAM | {
    "comparison": "checker",
    "checker": "def check(stdin, expected, output):\n    return output.split() == [str(bin(int(stdin)).count('1'))]",
}


@pytest.fixture(scope="module")
def verdict():
    sandbox = Bubblewrap.find()
    return lambda spec, code: judge_in(sandbox, LIMITS, spec, f"```python\n{code}\n```")


@pytest.mark.parametrize("spec", [SIMPLE, CHECKED, CALLS], ids=["suite", "checked_suite", "calls"])
def test_honest_function_is_correct(verdict, spec):
    judgement = verdict(spec, HONEST["function"])
    assert judgement.verdict is Verdict.CORRECT, judgement.message


@pytest.mark.parametrize("spec", [PROGRAM, WITH_CHECKER], ids=["tokens", "checker"])
def test_honest_program_is_correct(verdict, spec):
    judgement = verdict(spec, HONEST["program"])
    assert judgement.verdict is Verdict.CORRECT, judgement.message


@pytest.mark.parametrize("name", FUNCTIONS)
def test_cheating_function_is_not_correct(verdict, name):
    for spec in (SIMPLE, CHECKED, CALLS):
        judgement = verdict(spec, FUNCTIONS[name])
        assert judgement.verdict in {Verdict.INCORRECT, Verdict.TIMEOUT}, (spec, judgement)


@pytest.mark.parametrize("name", PROGRAMS)
def test_cheating_program_is_not_correct(verdict, name):
    for spec in (PROGRAM, WITH_CHECKER):
        judgement = verdict(spec, PROGRAMS[name])
        assert judgement.verdict in {Verdict.INCORRECT, Verdict.TIMEOUT}, (spec, judgement)
