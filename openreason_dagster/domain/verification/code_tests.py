"""The tests of a `code` prompt, read from its specification.

Three kinds, told by the key that is present:

- `{"stdio": [{"stdin": "…", "stdout": "…"}, …]}`, compared as `comparison` says: `tokens` (default), `whole`,
  `tolerance` (with `tolerance`), or `checker` (with `checker`: Python, defines `check(stdin, expected, output)`);
- `{"entry": "name", "calls": [{"args": […], "kwargs": {…}, "expected": …}, …]}`, compared as JSON values, numbers
  within `tolerance` if it is given;
- `{"suite": "assert …", "entry": "name"}`, assertions in Python; an expression as `entry` is what the suite's functions
  `check(candidate)` get, and without it the suite calls the answer's own names.

Every kind may have `language` (default python; functions and suites only have python), `prelude` (code that stands
before the answer, and before a suite), `setup` (code that stands after the answer) and `seconds` (of each test).
"""

import ast
import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from openreason_dagster.domain.sandbox import LANGUAGES
from openreason_dagster.domain.verification.python_source import parsed

TextComparison = Literal["tokens", "whole", "tolerance", "checker"]
LONGEST_TEST_SECONDS = 120.0


class TestsError(ValueError):
    """The specification of a prompt holds no usable tests; the prompt is bad, not the answer."""

    __test__ = False


@dataclass(frozen=True, kw_only=True)
class TextCase:
    """What a program reads, and what it should print."""

    stdin: str
    stdout: str


@dataclass(frozen=True, kw_only=True)
class ValueCase:
    """An expression over what the answer defines, called with arguments if there are any, and its result."""

    expression: str
    arguments: tuple[list[object], dict[str, object]] | None
    expected: object


@dataclass(frozen=True, kw_only=True)
class TextTests:
    """Programs that read standard input and write standard output."""

    cases: tuple[TextCase, ...]
    comparison: TextComparison
    tolerance: float = 0.0
    checker: str = ""


@dataclass(frozen=True, kw_only=True)
class ValueTests:
    """Calls whose results are compared here."""

    cases: tuple[ValueCase, ...]
    as_json: bool
    """Whether lists and tuples are the same, and whole numbers and their floats."""
    tolerance: float | None = None


@dataclass(frozen=True, kw_only=True)
class SuiteTests:
    """Assertions that need the result of a call where this process does not evaluate."""

    suite: str
    names: Mapping[str, str]
    """Name in the suite to the expression that gives it from what the answer defines."""


@dataclass(frozen=True, kw_only=True)
class CodeTests:
    """All that judging an answer needs besides the answer."""

    language: str
    tests: TextTests | ValueTests | SuiteTests
    prelude: str = ""
    setup: str = ""
    seconds: float | None = None


def code_tests(spec: Mapping[str, object]) -> CodeTests:
    """Read a specification.

    Raises:
        TestsError: saying which key is missing or wrong.
    """
    kinds = [key for key in ("stdio", "calls", "suite") if key in spec]
    if len(kinds) != 1:
        raise TestsError(f"the specification has {kinds or 'no tests'}, expected one of stdio, calls and suite")
    language = _text(spec, "language", "python")
    if language not in LANGUAGES:
        raise TestsError(f"language {language!r} is unknown; expected one of {', '.join(LANGUAGES)}")
    if kinds != ["stdio"] and language != "python":
        raise TestsError(f"tests of kind {kinds[0]} are for python only, found {language}; use stdio")
    readers: dict[str, Callable[[Mapping[str, object]], TextTests | ValueTests | SuiteTests]]
    readers = {"stdio": _text_tests, "calls": _call_tests, "suite": _suite_tests}
    return CodeTests(
        language=language,
        tests=readers[kinds[0]](spec),
        prelude=_text(spec, "prelude", ""),
        setup=_text(spec, "setup", ""),
        seconds=_number(spec, "seconds", most=LONGEST_TEST_SECONDS),
    )


def _text_tests(spec: Mapping[str, object]) -> TextTests:
    cases = tuple(
        TextCase(stdin=_text(case, "stdin", ""), stdout=_text(case, "stdout")) for case in _cases(spec, "stdio")
    )
    comparison, checker = _text(spec, "comparison", "tokens"), _text(spec, "checker", "")
    tolerance = _number(spec, "tolerance")
    if comparison not in get_args(TextComparison):
        raise TestsError(f"comparison {comparison!r} is unknown; expected {', '.join(get_args(TextComparison))}")
    if (comparison == "checker") != bool(checker) or (comparison == "tolerance") != (tolerance is not None):
        raise TestsError("`checker` and `tolerance` are each needed by the comparison of that name and by no other")
    if comparison != "checker" and not any(case.stdout.strip() for case in cases):
        raise TestsError("no case expects any output, so that a program which does nothing would pass")
    return TextTests(cases=cases, comparison=comparison, tolerance=tolerance or 0.0, checker=checker)  # type: ignore[arg-type]


def _call_tests(spec: Mapping[str, object]) -> ValueTests:
    entry = _expression(_text(spec, "entry"))
    return ValueTests(
        cases=tuple(_call(entry, case) for case in _cases(spec, "calls")),
        as_json=True,
        tolerance=_number(spec, "tolerance"),
    )


def _call(entry: str, case: Mapping[str, object]) -> ValueCase:
    positional, named = case.get("args", []), case.get("kwargs", {})
    if not isinstance(positional, list) or not isinstance(named, dict) or "expected" not in case:
        raise TestsError("a call needs `expected`, and `args` is a list and `kwargs` an object")
    return ValueCase(expression=entry, arguments=(positional, named), expected=case["expected"])


def _suite_tests(spec: Mapping[str, object]) -> ValueTests | SuiteTests:
    """Assertions `call == literal` become calls whose results are compared here; a suite of any other is run whole."""
    suite, entry = _text(spec, "suite"), _text(spec, "entry", "")
    try:
        tree = parsed(suite)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise TestsError(f"the suite is no Python: {error}") from error
    if not any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
        raise TestsError("the suite has no assertion, so that any answer would pass")
    check = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"), None)
    if check is None:
        return _plain_suite(tree, suite, entry, prelude=_text(spec, "prelude", ""))
    candidate = check.args.args[0].arg if check.args.args else "candidate"
    entry = _expression(entry)
    others = [node for node in tree.body if node is not check and not _is_inert(node)]
    cases = None if others else _simple_cases(check.body, names={candidate: entry})
    if cases is not None:
        return ValueTests(cases=cases, as_json=False)
    called = {name: name for name in _called_but_undefined(tree, _text(spec, "prelude", "")) if name != "check"}
    own_name = {entry: entry} if entry.isidentifier() else {}
    return SuiteTests(suite=f"{suite}\n\ncheck({candidate})\n", names={**called, **own_name, candidate: entry})


def _plain_suite(tree: ast.Module, suite: str, entry: str, *, prelude: str) -> ValueTests | SuiteTests:
    names = {name: name for name in _called_but_undefined(tree, prelude)} | ({entry: entry} if entry else {})
    names = names or {name: name for name in _called_first(tree)}
    if not names:
        raise TestsError("the suite calls nothing of the answer; give `entry`")
    cases = _simple_cases(tree.body, names=names)
    return ValueTests(cases=cases, as_json=False) if cases is not None else SuiteTests(suite=suite, names=names)


def _simple_cases(body: list[ast.stmt], *, names: Mapping[str, str]) -> tuple[ValueCase, ...] | None:
    """The cases if every statement is an assertion that a call of the answer equals a literal; None otherwise."""
    cases: list[ValueCase] = []
    for statement in body:
        if _is_inert(statement):
            continue
        case = _simple_case(statement, names)
        if case is None:
            return None
        cases.append(case)
    return tuple(cases) or None


def _simple_case(statement: ast.stmt, names: Mapping[str, str]) -> ValueCase | None:
    if not isinstance(statement, ast.Assert) or not isinstance(statement.test, ast.Compare):
        return None
    call, operators, expected = statement.test.left, statement.test.ops, statement.test.comparators[0]
    is_equality = len(operators) == 1 and isinstance(operators[0], ast.Eq)
    if not is_equality or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return None
    if call.func.id not in names:
        return None
    try:
        value = ast.literal_eval(expected)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
    arguments = ast.unparse(call)[len(call.func.id) :]
    return ValueCase(expression=f"({names[call.func.id]}){arguments}", arguments=None, expected=value)


def _is_inert(statement: ast.stmt) -> bool:
    """Text, `pass`, `assert True`, or a name that is set to a literal and means nothing to `check`."""
    if isinstance(statement, ast.Assert):
        return isinstance(statement.test, ast.Constant) and bool(statement.test.value)
    if isinstance(statement, ast.Assign):
        targets = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        return targets == ["METADATA"]
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _called_but_undefined(tree: ast.Module, prelude: str) -> list[str]:
    """Names that a suite calls and neither it, nor the prelude, nor Python defines: those of the answer."""
    try:
        defined = _defined(tree) | _defined(parsed(prelude)) | set(dir(builtins))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise TestsError(f"the prelude is no Python: {error}") from error
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return sorted({called.id for called in calls if isinstance(called, ast.Name)} - defined)


def _called_first(tree: ast.Module) -> list[str]:
    """Names that assertions compare the results of, for an answer may define one that Python has too."""
    tests = (node.test for node in tree.body if isinstance(node, ast.Assert))
    calls = (test.left for test in tests if isinstance(test, ast.Compare) and isinstance(test.left, ast.Call))
    return sorted({call.func.id for call in calls if isinstance(call.func, ast.Name)})


def _defined(tree: ast.Module) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


def _cases(spec: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    cases = spec[key]
    if not isinstance(cases, list) or not cases or not all(isinstance(case, dict) for case in cases):
        raise TestsError(f"`{key}` has to be a list of objects, with one at least")
    return cases


def _expression(text: str) -> str:
    try:
        parsed(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise TestsError(f"`entry` is no expression: {text[:80]!r}") from error
    return text


def _text(spec: Mapping[str, object], key: str, default: str | None = None) -> str:
    value = spec.get(key, default)
    if not isinstance(value, str):
        raise TestsError(f"`{key}` has to be a text, found {type(value).__name__}")
    return value


def _number(spec: Mapping[str, object], key: str, *, most: float = 1e300) -> float | None:
    value = spec.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise TestsError(f"`{key}` has to be a number above 0 and at most {most:g}, found {value!r}")
    return float(value)
