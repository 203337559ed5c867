"""Verifier kind `code`: the program of an answer runs in a sandbox, and what it gives is compared here.

Expected results never enter the sandbox of an answer. No verdict rests on what a program says of itself: `correct`
needs the right value or text for every test, and an exit code only ever takes that away.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest
from secrets import token_hex
from typing import TypeVar

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.sandbox import Limits, Program, Sandbox, Status
from openreason_dagster.domain.verification.code_comparison import is_same_text, is_same_tokens, is_same_value
from openreason_dagster.domain.verification.code_extraction import extract_program, fenced
from openreason_dagster.domain.verification.code_runs import Finding, Run, run_programs, run_python, run_script
from openreason_dagster.domain.verification.code_tests import (
    CodeTests,
    SuiteTests,
    TestsError,
    TextCase,
    TextTests,
    ValueCase,
    ValueTests,
    code_tests,
)
from openreason_dagster.domain.verification.in_sandbox.value_graph import encode

ROUNDS = 10
"""How often a suite may ask for results of calls that depend on earlier results."""
MOST_CALLS = 2_000
Case = TypeVar("Case")
NEEDS_SANDBOX = "code is judged where a sandbox is, not in a worker process"


def present(reference: str) -> str:
    """The reference solution as a model would answer with it."""
    return fenced(reference)


def judge_directly(_reference: str, spec: Mapping[str, object], answer: str) -> Judgement | None:
    """Decide what needs no run: unusable tests and answers without a program; None for the rest."""
    try:
        tests = _tests_of(json.dumps(spec))
    except TestsError as error:
        return _judgement(Finding(verdict=Verdict.BAD_REFERENCE, message=str(error)), None, "tests")
    if extract_program(answer, tests.language) is None:
        message = f"there is no fenced block of {tests.language}"
        return _judgement(Finding(verdict=Verdict.NO_ANSWER, message=message), None, "extraction")
    return None


def audit(spec: Mapping[str, object]) -> Judgement:
    """Judge tests that come without a reference solution: `correct` if they can be read, as no run can tell more."""
    try:
        _tests_of(json.dumps(spec))
    except TestsError as error:
        return _judgement(Finding(verdict=Verdict.BAD_REFERENCE, message=str(error)), None, "tests")
    unproved = Finding(verdict=Verdict.CORRECT, message="the tests can be read; there is no reference solution to run")
    return _judgement(unproved, None, "tests")


def judge_without_sandbox(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """What a worker process can say of an answer: `error` for every program, because none runs there."""
    refused = _judgement(Finding(verdict=Verdict.ERROR, message=NEEDS_SANDBOX), None, "sandbox")
    return judge_directly(reference, spec, answer) or refused


def judge_in(sandbox: Sandbox, limits: Limits, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge completely, in time that the limits bound.

    Args:
        sandbox: where the program runs.
        limits: of each test; the prompt's own `seconds` replace theirs.
        spec: the tests, as `code_tests` reads them.
        answer: the text after the think block.

    Raises:
        SandboxError: the sandbox cannot be used at all.
    """
    direct = judge_directly("", spec, answer)
    if direct is not None:
        return direct
    tests = _tests_of(json.dumps(spec))
    program = extract_program(answer, tests.language) or ""
    if tests.seconds is not None:
        limits = replace(limits, cpu_seconds=tests.seconds, wall_seconds=3 * tests.seconds + 2)
    kind, judge = _JUDGES[type(tests.tests)]
    judgement = _judgement(judge(tests, program, sandbox, limits), program, kind)
    return replace(judgement, extras={"sandbox": sandbox.description})


@lru_cache(maxsize=256)
def _tests_of(spec_json: str) -> CodeTests:
    return code_tests(json.loads(spec_json))


def _judge_text(tests: CodeTests, code: str, sandbox: Sandbox, limits: Limits) -> Finding:
    wanted = tests.tests
    assert isinstance(wanted, TextTests)
    inputs = [case.stdin for case in wanted.cases]
    if tests.language == "python":
        job: dict[str, object] = {"code": _joined(tests.prelude, code), "prelude": "", "setup": ""}
        runs: Iterable[Run] = run_python(job, [{"stdin": text} for text in inputs], sandbox, limits)
    else:
        program = Program(language=tests.language, source=_joined(tests.prelude, code))
        runs = run_programs(program, inputs, sandbox, limits)
    if wanted.comparison == "checker":
        return _checked(wanted, runs, sandbox, limits)
    return _first_failure(wanted.cases, runs, lambda case, run: _is_right_text(wanted, case, run.stdout))


def _joined(prelude: str, code: str) -> str:
    return f"{prelude}\n\n{code}" if prelude else code


def _is_right_text(tests: TextTests, case: TextCase, found: str) -> str | None:
    """None if the text is right, else what is wrong with it."""
    if tests.comparison == "whole":
        is_right = is_same_text(case.stdout, found)
    else:
        tolerance = tests.tolerance if tests.comparison == "tolerance" else None
        is_right = is_same_tokens(case.stdout, found, tolerance=tolerance)
    return None if is_right else f"expected {case.stdout[:80]!r}, found {found[:80]!r}"


def _checked(tests: TextTests, runs: Iterable[Run], sandbox: Sandbox, limits: Limits) -> Finding:
    """The prompt's own checker looks at the outputs, in a sandbox where no answer's code is."""
    outputs: list[str] = []
    failure = _first_failure(tests.cases, runs, lambda _case, run: outputs.append(run.stdout))
    if failure.verdict is not Verdict.CORRECT:
        return failure
    cases = [[case.stdin, case.stdout, output] for case, output in zip(tests.cases, outputs, strict=True)]
    said = _said_by("output_checker", {"checker": tests.checker, "cases": cases}, sandbox, limits)
    if isinstance(said, Finding):
        return said
    accepted = said.get("accepted")
    if not isinstance(accepted, list) or len(accepted) != len(cases):
        return Finding(verdict=Verdict.ERROR, message="the prompt's checker did not say which outputs it accepts")
    wrong = [number for number, is_right in enumerate(accepted, 1) if is_right is not True]
    if wrong:
        return Finding(verdict=Verdict.INCORRECT, message=f"the checker refuses the output of test {wrong[0]}")
    return failure


def _judge_values(tests: CodeTests, code: str, sandbox: Sandbox, limits: Limits) -> Finding:
    wanted = tests.tests
    assert isinstance(wanted, ValueTests)
    job: dict[str, object] = {"code": code, "prelude": tests.prelude, "setup": tests.setup}
    runs = run_python(job, [_call_of(case) for case in wanted.cases], sandbox, limits)
    return _first_failure(wanted.cases, runs, lambda case, run: _is_right_value(wanted, case, run))


def _call_of(case: ValueCase) -> dict[str, object]:
    if case.arguments is None:
        return {"entry": case.expression}
    positional, named = case.arguments
    return {"entry": case.expression, "arguments": encode((positional, named))}


def _is_right_value(tests: ValueTests, case: ValueCase, run: Run) -> str | None:
    try:
        said = json.loads(run.result)
    except (ValueError, RecursionError):
        return f"expected {str(case.expected)[:80]}, found no result"
    nodes = said.get("value") if isinstance(said, dict) else None
    if is_same_value(case.expected, nodes, as_json=tests.as_json, tolerance=tests.tolerance):
        return None
    return f"expected {str(case.expected)[:80]}, found {run.result[:80]}"


def _judge_suite(tests: CodeTests, code: str, sandbox: Sandbox, limits: Limits) -> Finding:
    """Run the suite apart from the answer, and the answer for the calls it asks for, until it asks for no more."""
    wanted = tests.tests
    assert isinstance(wanted, SuiteTests)
    results: dict[str, str] = {}
    job: dict[str, object] = {"code": code, "prelude": tests.prelude, "setup": tests.setup}
    suite: dict[str, object] = {"prelude": tests.prelude, "suite": wanted.suite, "names": list(wanted.names)}
    for _ in range(ROUNDS):
        said = _said_by("suite_checker", {**suite, "results": results}, sandbox, limits)
        if isinstance(said, Finding):
            return said
        asked = said.get("asked")
        if not isinstance(asked, list):
            return _verdict_of_suite(said, len(results))
        if len(asked) + len(results) > MOST_CALLS:
            return Finding(verdict=Verdict.BAD_REFERENCE, message=f"the suite makes more than {MOST_CALLS} calls")
        calls = [{"entry": wanted.names[name], "arguments": arguments} for name, arguments in asked]
        runs = list(run_python(job, calls, sandbox, limits))
        failure = next((run.failure for run in runs if run.failure is not None), None)
        if failure is not None:
            return failure
        results |= {json.dumps(call): run.result for call, run in zip(asked, runs, strict=True)}
    return Finding(verdict=Verdict.BAD_REFERENCE, message=f"the suite asks for results in more than {ROUNDS} rounds")


def _verdict_of_suite(said: Mapping[str, object], calls: int) -> Finding:
    if said.get("passed") is True and calls:
        return Finding(verdict=Verdict.CORRECT, message=f"every assertion held, for {calls} calls")
    if not calls:
        reason = said.get("failed", "it passes without calling the answer")
        return Finding(verdict=Verdict.BAD_REFERENCE, message=f"the suite cannot judge: {reason}")
    return Finding(verdict=Verdict.INCORRECT, message=str(said.get("failed", "an assertion does not hold")))


def _said_by(name: str, job: dict[str, object], sandbox: Sandbox, limits: Limits) -> dict[str, object] | Finding:
    """What a script that runs the prompt's own code says of it, as JSON; or why it says nothing.

    Its line begins with a token that no answer knows, so that nothing else that is printed there is taken for it.
    """
    token = token_hex(8)
    own = replace(limits, wall_seconds=limits.wall_seconds + 10, cpu_seconds=limits.cpu_seconds + 5)
    outcome = run_script(name, {**job, "token": token}, sandbox, own)  # type: ignore[arg-type]
    if outcome.status is Status.EXITED and outcome.exit_code == 0:
        return _said(outcome.stdout, token)
    if outcome.status is Status.TIMED_OUT:
        return Finding(verdict=Verdict.TIMEOUT, message="the prompt's own checks did not end in time")
    said_last = outcome.message or outcome.stderr.decode(errors="replace").strip()[-300:]
    return Finding(verdict=Verdict.ERROR, message=f"the prompt's own checks failed: {said_last}")


def _said(output: bytes, token: str) -> dict[str, object] | Finding:
    line = output.strip().rpartition(b"\n")[2].decode(errors="replace")
    try:
        said = json.loads(line.removeprefix(token)) if line.startswith(token) else None
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        return said
    return Finding(verdict=Verdict.ERROR, message="the prompt's own checks ended without saying what they found")


def _first_failure(
    cases: tuple[Case, ...], runs: Iterable[Run], complaint: Callable[[Case, Run], str | None]
) -> Finding:
    """The first test that is not passed, with its number; `correct` if all are, and one run for each."""
    for number, (case, run) in enumerate(zip_longest(cases, runs), start=1):
        if run is None or case is None:
            return Finding(verdict=Verdict.ERROR, message=f"test {number} of {len(cases)} was not run")
        if run.failure is not None:
            return replace(run.failure, message=f"test {number} of {len(cases)}: {run.failure.message}")
        wrong = complaint(case, run)
        if wrong is not None:
            return Finding(verdict=Verdict.INCORRECT, message=f"test {number} of {len(cases)}: {wrong}")
    return Finding(verdict=Verdict.CORRECT, message=f"all {len(cases)} tests passed")


def _judgement(finding: Finding, program: str | None, stage: str) -> Judgement:
    return Judgement(
        verdict=finding.verdict,
        extracted_answer=program,
        method=f"code/{stage}",
        message=finding.message.encode(errors="replace").decode(),
        milliseconds=0.0,
    )


_Judge = Callable[[CodeTests, str, Sandbox, Limits], Finding]
_JUDGES: dict[type, tuple[str, _Judge]] = {
    TextTests: ("stdio", _judge_text),
    ValueTests: ("calls", _judge_values),
    SuiteTests: ("suite", _judge_suite),
}
