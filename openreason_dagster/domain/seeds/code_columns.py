"""The specification of verifier kind `code` from the columns that hold a prompt's tests."""

import ast
import json
import re
from collections.abc import Mapping, Sequence

from openreason_dagster.domain.recipe_code import CodeSource
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of
from openreason_dagster.domain.verification.code_tests import TestsError, ValueTests, code_tests

Row = Mapping[str, object]
_LAST_NAME = re.compile(r"(\w+)\W*$")


def code_spec(row: Row, source: CodeSource, solution: str | None) -> dict[str, object]:
    """The specification, as `code_tests` reads it.

    Raises:
        UnusableRowError: with reason `bad_tests`; a column does not hold what it should, or the tests test nothing.
    """
    spec: dict[str, object] = {"language": source.language}
    if source.suite is not None:
        spec["suite"] = _joined(row.get(source.suite), source.suite)
    elif source.stdio is not None:
        spec |= {"stdio": _cases(_parsed(row.get(source.stdio), source.stdio)), "comparison": source.comparison}
    else:
        spec["calls"] = _parsed(row.get(source.calls or ""), source.calls or "")
    for key in ("entry", "prelude", "setup"):
        if key in source.columns and (text := text_of(row.get(source.columns[key]))) is not None:
            spec[key] = text
    if source.language == "python" and source.prelude is None and solution is not None:
        spec["prelude"] = _imports(solution)
    spec |= {key: value for key in ("tolerance", "seconds") if (value := getattr(source, key)) is not None}
    try:
        code_tests(spec)
        json.dumps(spec, allow_nan=False).encode()
    except (TestsError, TypeError, ValueError) as error:
        raise UnusableRowError("bad_tests", str(error)) from error
    return spec


def code_spec_of_cell(value: object, column: str) -> dict[str, object]:
    """The specification that one cell holds, as an object or its JSON text, or as the tests alone.

    Tests alone are assertions, as a text or a list of them, or cases of standard input and output in any layout that
    recipes take. Whether they can be read is for `code_tests` to say.

    Raises:
        UnusableRowError: with reason `bad_tests`; it is none of these.
    """
    value = _parsed_where_json(value)
    if isinstance(value, list) and any(isinstance(case, Mapping) for case in value):
        return {"stdio": _cases(value)}
    if not isinstance(value, Mapping):
        return {"suite": _joined(value, column)}
    if {"inputs", "outputs"} <= set(value):
        return {"stdio": _cases(value)}
    spec = {key: part for key, part in value.items() if part is not None}  # a struct of Parquet has every key
    return spec | {"suite": _joined(spec["suite"], column)} if "suite" in spec else spec


def whole_solution(row: Row, source: CodeSource, column: str) -> str:
    """The reference solution with what it goes on from, indented as it is.

    Raises:
        UnusableRowError: with reason `no_reference`; the column holds no text.
    """
    solution = text_of(row.get(column))
    if solution is None:
        raise UnusableRowError("no_reference", f"column {column!r} holds {shown(row.get(column))}")
    start = text_of(row.get(source.continues)) if source.continues else None
    return f"{start or ''}{solution}"


def with_call(prompt: str, spec: Mapping[str, object]) -> str:
    """The prompt, followed by the first call of its tests if it does not say what the function is called."""
    tests = code_tests(spec).tests
    if not isinstance(tests, ValueTests):
        return prompt
    case = tests.cases[0]
    name, arguments = _called(case.expression)
    if case.arguments is not None:
        positional, named = case.arguments
        shown_arguments = [repr(part) for part in positional] + [f"{key}={part!r}" for key, part in named.items()]
        name, arguments = case.expression, f"({', '.join(shown_arguments)})"
    last = _LAST_NAME.search(name)
    if last is None or re.search(rf"\b{re.escape(last.group(1))}\b", prompt):
        return prompt
    return f"{prompt}\n\nThe tests call it like this:\n\n```python\n{name}{arguments}\n```"


def _called(expression: str) -> tuple[str, str]:
    """Name and arguments of a call that `code_tests` wrote as `(name)(arguments)`."""
    node = ast.parse(expression, mode="eval").body
    if not isinstance(node, ast.Call):
        return expression, ""
    name = ast.unparse(node.func)
    return name, ast.unparse(node)[len(name) :]


def _imports(solution: str) -> str:
    """The import statements at the top level of a solution: what its tests may take for granted."""
    try:
        statements = ast.parse(solution).body
    except (SyntaxError, ValueError, RecursionError):
        return ""
    return "\n".join(ast.unparse(node) for node in statements if isinstance(node, ast.Import | ast.ImportFrom))


def _joined(value: object, column: str) -> str:
    value = _parsed(value, column) if isinstance(value, str) and value.lstrip().startswith("[") else value
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not texts or not all(isinstance(text, str) for text in texts):
        raise UnusableRowError("bad_tests", f"column {column!r} holds {shown(value)}, expected assertions")
    return "\n".join(texts)


def _parsed(value: object, column: str) -> object:
    """A value, also where it is written as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        parsed: object = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise UnusableRowError("bad_tests", f"column {column!r} holds no JSON: {shown(value)}") from error
    return parsed


def _parsed_where_json(value: object) -> object:
    """The object or list that a text is in JSON; other texts, and what is no text, as they are."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        parsed: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed


def _cases(value: object) -> list[dict[str, object]]:
    """Cases of standard input and output, whichever of the three layouts they have."""
    if isinstance(value, Mapping):
        inputs, outputs = value.get("inputs", value.get("input")), value.get("outputs", value.get("output"))
        if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
            raise UnusableRowError("bad_tests", f"found {shown(value)}, expected as many inputs as outputs")
        return [{"stdin": left, "stdout": right} for left, right in zip(inputs, outputs, strict=True)]
    if not isinstance(value, list) or not all(isinstance(case, Mapping) for case in value):
        raise UnusableRowError("bad_tests", f"found {shown(value)}, expected a list of cases")
    return [
        {"stdin": case.get("stdin", case.get("input", "")), "stdout": case.get("stdout", case.get("output"))}
        for case in value
    ]
