"""What becomes of each way a run can end; real runs are in tests/integration."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.errors import SandboxError
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.sandbox import Limits, Outcome, Status
from openreason_dagster.domain.verification.code import audit, judge_directly, judge_in, judge_without_sandbox
from openreason_dagster.domain.verification.code_workers import WorkersWithSandbox
from openreason_dagster.domain.verification.registry import Comparison

LIMITS = Limits(cpu_seconds=1, wall_seconds=5, memory_megabytes=100)
SHELL = {"language": "bash", "stdio": [{"stdin": "1", "stdout": "a"}, {"stdin": "2", "stdout": "b"}]}
CALLS = {"suite": "assert f(1) == 1\nassert f(2) == 2"}
ANSWER = "```bash\necho\n```"


class ScriptedSandbox:
    """Has the outcomes of all runs written down."""

    description = "script"

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.programs = []

    def run(self, program, inputs, limits):
        for _ in inputs:
            self.programs.append(program)
            if not self.outcomes:
                return
            yield self.said(program, self.outcomes.pop(0))

    def said(self, program, outcome):
        token = re.search(r"'token': '(\w+)'", program.source)
        return replace(outcome, stdout=outcome.stdout.replace(b"TOKEN", token[1].encode())) if token else outcome


def exited(stdout=b"", code=0, stderr=b""):
    return Outcome(status=Status.EXITED, exit_code=code, stdout=stdout, stderr=stderr)


@pytest.mark.parametrize(
    ("outcomes", "verdict", "message"),
    [
        pytest.param([exited(b"a"), exited(b"b\n")], Verdict.CORRECT, "all 2 tests passed", id="right"),
        pytest.param([exited(b"a"), exited(b"c")], Verdict.INCORRECT, "test 2 of 2: expected 'b'", id="second_wrong"),
        pytest.param([exited(b"a", code=1)], Verdict.INCORRECT, "test 1 of 2: ended with code 1", id="exit_code"),
        pytest.param([exited(b"a", code=139)], Verdict.INCORRECT, "ended with code 139", id="crash"),
        pytest.param([exited(b"a", code=152)], Verdict.TIMEOUT, "processor time", id="processor_time"),
        pytest.param([Outcome(status=Status.TIMED_OUT)], Verdict.TIMEOUT, "timed_out", id="time"),
        pytest.param([Outcome(status=Status.OUT_OF_MEMORY)], Verdict.INCORRECT, "memory", id="memory"),
        pytest.param([Outcome(status=Status.TOO_MUCH_OUTPUT)], Verdict.INCORRECT, "output", id="output"),
        pytest.param(
            [Outcome(status=Status.COMPILE_FAILED, message="line 1")], Verdict.INCORRECT, "line 1", id="build"
        ),
        pytest.param([Outcome(status=Status.NO_TOOLCHAIN, message="none")], Verdict.ERROR, "none", id="toolchain"),
        pytest.param([Outcome(status=Status.FAILED, message="full")], Verdict.ERROR, "full", id="sandbox"),
        pytest.param([exited(b"a")], Verdict.ERROR, "test 2 of 2 was not run", id="run_missing"),
        pytest.param([], Verdict.ERROR, "test 1 of 2 was not run", id="no_run"),
        pytest.param([exited(b"\xff\xfe")], Verdict.INCORRECT, "test 1 of 2", id="no_text"),
    ],
)
def test_verdict_of_runs(outcomes, verdict, message):
    judgement = judge_in(ScriptedSandbox(*outcomes), LIMITS, SHELL, ANSWER)
    assert judgement.verdict is verdict
    assert message in judgement.message
    assert judgement.extracted_answer == "echo\n"
    assert (judgement.method, judgement.extras) == ("code/stdio", {"sandbox": "script"})


def line(**changes):
    result = json.dumps({"value": [["int", "0x1"]]})
    fields = {"stdout": "", "stderr": "", "result": result, "exit": 0, "stopped": None}
    return json.dumps(fields | changes).encode() + b"\n"


SECOND = line(result=json.dumps({"value": [["int", "0x2"]]}))


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        pytest.param(exited(b"{}\n" + line() + SECOND), Verdict.CORRECT, id="right"),
        pytest.param(exited(b"{}\n" + line() + line()), Verdict.INCORRECT, id="wrong_value"),
        pytest.param(exited(b"{}\n" + line()), Verdict.INCORRECT, id="runner_ended_by_the_answer"),
        pytest.param(exited(b"{}\n"), Verdict.INCORRECT, id="ended_before_the_first_test"),
        pytest.param(exited(b"{}\n" + line() + SECOND[:-5]), Verdict.INCORRECT, id="line_cut"),
        pytest.param(exited(b"{}\n" + line() + b"PASSED\n"), Verdict.INCORRECT, id="forged_line"),
        pytest.param(exited(b"{}\n" + line() + b"[]\n"), Verdict.INCORRECT, id="line_of_another_type"),
        pytest.param(exited(b"{}\n" + line() + b'{"stdout":1,"result":1,"exit":1e999}\n'), Verdict.INCORRECT, id="inf"),
        pytest.param(exited(b"{}\n" + line(stopped="time")), Verdict.TIMEOUT, id="time"),
        pytest.param(exited(b"{}\n" + line(stopped="output")), Verdict.INCORRECT, id="output"),
        pytest.param(exited(b"{}\n" + line(exit=1)), Verdict.INCORRECT, id="exit_code"),
        pytest.param(exited(b"{}\n" + line(exit=-24)), Verdict.TIMEOUT, id="processor_time"),
        pytest.param(exited(b"", code=1, stderr=b"no python"), Verdict.ERROR, id="runner_did_not_start"),
        pytest.param(exited(line() + SECOND), Verdict.ERROR, id="runner_did_not_say_that_it_starts"),
        pytest.param(Outcome(status=Status.TIMED_OUT, stdout=b"{}\n" + line()), Verdict.TIMEOUT, id="runner_stopped"),
        pytest.param(Outcome(status=Status.TOO_MUCH_OUTPUT, stdout=b"{}\n"), Verdict.INCORRECT, id="flood"),
        pytest.param(Outcome(status=Status.NO_TOOLCHAIN), Verdict.ERROR, id="no_python"),
        pytest.param(Outcome(status=Status.FAILED), Verdict.ERROR, id="sandbox"),
    ],
)
def test_verdict_of_calls(outcome, verdict):
    judgement = judge_in(ScriptedSandbox(outcome), LIMITS, CALLS, "```python\ndef f(x): return x\n```")
    assert judgement.verdict is verdict, judgement.message


@given(st.binary(max_size=300))
def test_whatever_comes_out_of_the_sandbox_is_never_correct_by_chance(noise):
    outcome = exited(b"{}\n" + noise)
    judgement = judge_in(ScriptedSandbox(outcome), LIMITS, CALLS, "```python\ndef f(x): return x\n```")
    assert judgement.verdict in {Verdict.INCORRECT, Verdict.TIMEOUT}


def test_expected_results_never_enter_the_sandbox_of_an_answer():
    spec = {"suite": "assert f(1) == 'secret-result'\nassert f(2) == 98765"}
    sandbox = ScriptedSandbox(exited(b"{}\n"))
    judge_in(sandbox, LIMITS, spec, "```python\ndef f(x): return x\n```")
    (program,) = sandbox.programs
    assert "def f(x)" in program.source
    assert "secret-result" not in program.source
    assert "98765" not in program.source


def test_suite_runs_where_no_answer_is():
    spec = {"suite": "assert abs(f(1) - 98765) < 1e-6"}
    asked = exited(b"TOKEN" + json.dumps({"asked": [["f", [["int", "0x1"]]]]}).encode())
    sandbox = ScriptedSandbox(asked, exited(b"{}\n" + line()), exited(b'TOKEN{"passed": true}'))
    assert judge_in(sandbox, LIMITS, spec, "```python\ndef f(x): return x\n```").verdict is Verdict.CORRECT
    suite, answer, again = (program.source for program in sandbox.programs)
    assert "98765" in suite
    assert "98765" in again
    assert "def f(x): return x" not in suite + again
    assert "98765" not in answer


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b'{"passed": true}', id="without_the_token"),
        pytest.param(b'0123456789abcdef{"passed": true}', id="token_guessed"),
        pytest.param(b"TOKEN[]", id="no_object"),
        pytest.param(b"TOKEN{", id="cut"),
        pytest.param(b'TOKEN{"passed": true}\nbye', id="not_the_last_line"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_only_a_suite_that_says_so_with_its_token_has_held(said):
    asked = exited(b"TOKEN" + json.dumps({"asked": [["f", [["int", "0x1"]]]]}).encode())
    sandbox = ScriptedSandbox(asked, exited(b"{}\n" + line()), exited(said))
    judgement = judge_in(sandbox, LIMITS, {"suite": "assert abs(f(1) - 2) < 9"}, "```python\ndef f(x): return x\n```")
    assert judgement.verdict is Verdict.ERROR
    assert "without saying" in judgement.message


@pytest.mark.parametrize(
    ("spec", "answer", "verdict"),
    [
        pytest.param(SHELL, "no block", Verdict.NO_ANSWER, id="no_block"),
        pytest.param(SHELL, "```cpp\nint x;\n```", Verdict.NO_ANSWER, id="other_language"),
        pytest.param({}, ANSWER, Verdict.BAD_REFERENCE, id="no_tests"),
        pytest.param(SHELL, ANSWER, None, id="has_to_run"),
    ],
)
def test_what_needs_no_run(spec, answer, verdict):
    judgement = judge_directly("", spec, answer)
    assert (judgement and judgement.verdict) == verdict
    assert judge_without_sandbox("", spec, answer).verdict is (verdict or Verdict.ERROR)


def test_tests_without_a_reference_are_audited_by_reading_them():
    assert audit(SHELL).verdict is Verdict.CORRECT
    assert audit({"suite": "f(1)"}).verdict is Verdict.BAD_REFERENCE


def workers(open_sandbox):
    return WorkersWithSandbox(
        count=2, timeout_seconds=20, memory_megabytes=1024, open_sandbox=open_sandbox, limits=LIMITS
    )


def comparison(answer, kind="code", spec=SHELL):
    return Comparison(kind=kind, reference="42", spec_json=json.dumps(spec), answer=answer)


def test_workers_open_a_sandbox_once_and_only_for_programs():
    opened = []

    def open_sandbox():
        opened.append(ScriptedSandbox(*[exited(b"a"), exited(b"b")] * 3))
        return opened[-1]

    direct = [comparison("none"), comparison(r"\boxed{42}", kind="math", spec={})]
    with workers(open_sandbox) as judges:
        assert {judgement.verdict for _, judgement in judges.judge(direct)} == {Verdict.NO_ANSWER, Verdict.CORRECT}
        assert opened == []
        for number in range(2):
            items = [*direct, comparison(f"```bash\necho {number}\n```")]
            judged = dict(judges.judge(items))
            assert [judged[item].verdict for item in items] == [Verdict.NO_ANSWER, Verdict.CORRECT, Verdict.CORRECT]
    assert len(opened) == 1


def test_without_a_sandbox_programs_are_refused():
    def open_sandbox():
        raise SandboxError("there is none")

    with workers(open_sandbox) as judges, pytest.raises(SandboxError, match="there is none"):
        list(judges.judge([comparison(ANSWER)]))


def test_fault_of_our_own_is_an_error_verdict_and_ends_nothing():
    class Broken:
        description = "broken"

        def run(self, program, inputs, limits):
            raise ZeroDivisionError(program.source)

    with workers(Broken) as judges:
        judged = [judgement for _, judgement in judges.judge([comparison(ANSWER), comparison(ANSWER + "\n")])]
    assert [(judgement.verdict, judgement.method) for judgement in judged] == [(Verdict.ERROR, "code/exception")] * 2
