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


SPEAKS_FOR_THE_CHECKER = "input()\nprint('{\"accepted\": [' + ', '.join(['true'] * CASES) + ']}')".replace(
    "CASES", str(len(PROGRAM["stdio"]))
)


@pytest.mark.parametrize(
    "checker",
    [
        pytest.param(
            "import sys\ndef check(stdin, expected, output):\n    print(output)\n    sys.exit(0)", id="leaves"
        ),
        pytest.param("import os\ndef check(stdin, expected, output):\n    os._exit(0)", id="leaves-at-once"),
        pytest.param(
            "import os\ndef check(stdin, expected, output):\n    print(output, flush=True)\n    os._exit(0)",
            id="repeats-the-output-and-leaves",
        ),
    ],
)
def test_a_checker_that_says_nothing_accepts_nothing(verdict, checker):
    judgement = verdict(PROGRAM | {"comparison": "checker", "checker": checker}, SPEAKS_FOR_THE_CHECKER)
    assert judgement.verdict is Verdict.ERROR, judgement.message


def test_a_suite_that_leaves_accepts_nothing(verdict):
    suite = "import sys\nprint(f(1))\nsys.exit(0)\nassert f(1) == 2"
    judgement = verdict({"suite": suite, "entry": "f"}, "def f(x):\n    return '{\"passed\": true}'")
    assert judgement.verdict is not Verdict.CORRECT, judgement.message


def test_a_message_that_quotes_broken_text_can_be_stored(verdict):
    suite = "for expected in ['x']:\n    assert f(1) == expected, f'got {f(1)}'"
    judgement = verdict({"suite": suite, "entry": "f"}, "def f(x):\n    return '\\ud800'")
    assert judgement.verdict is Verdict.INCORRECT
    judgement.message.encode()
