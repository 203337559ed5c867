"""Verdicts for rows of a file: `reference`, `response`, and what else a kind of verifier needs.

A row that cannot be judged keeps its place with the verdict `error` and the reason as evidence.
"""

import json
from collections.abc import Mapping, Sequence

import polars as pl

from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.recipe_columns import Columns
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.row_files.read_rows import Row, UnreadableRow
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of
from openreason_dagster.domain.seeds.choices import choice_of_answer, lettered_choices
from openreason_dagster.domain.seeds.code_columns import code_spec_of_cell
from openreason_dagster.domain.seeds.constraint_columns import constraint_spec
from openreason_dagster.domain.verification.registry import VERIFIERS
from openreason_dagster.domain.verification.verify import JUDGED_SCHEMA, Judge

ADDED_COLUMNS: Mapping[str, pl.DataType] = {
    "verdict": pl.String(),
    "is_correct": pl.Boolean(),
    "extracted": pl.String(),
    "evidence": pl.Struct({
        "method": pl.String(),
        "message": pl.String(),
        "milliseconds": pl.Float64(),
        "verifier_version": pl.String(),
    }),
}  # fmt: skip
"""What is added to each row."""
_CONSTRAINT_COLUMNS = Columns(prompt="prompt", constraints="instruction_id_list", arguments="kwargs")


class _BadRowError(Exception):
    """Why a row cannot be judged."""


def verify_rows(rows: Sequence[Row | UnreadableRow], judge: Judge, *, default_kind: str) -> list[Row]:
    """The rows with `ADDED_COLUMNS`, in their order.

    Args:
        rows: With `reference` and `response`, and if need be `kind`, `finish_reason`, and what the kind is judged by:
            its specification as `tests`, or `choices`, or `instruction_id_list` and `kwargs`. `tests` of the kind
            `code` may also be in the layouts of data sets.
        judge: Takes frames of traces with what is needed to judge them, and gives frames of verdicts.
        default_kind: Kind of verifier for rows without `kind`.

    Raises:
        VerificationError: workers cannot start.
    """
    traces: list[Row] = []
    problems: dict[int, str] = {}
    for number, row in enumerate(rows):
        try:
            traces.append(_trace(row, str(number), default_kind))
        except (_BadRowError, UnusableRowError) as error:
            problems[number] = str(error)
    judged = judge([pl.DataFrame(traces, schema=JUDGED_SCHEMA)] if traces else [])
    verdicts = {verdict["trace_id"]: verdict for frame in judged for verdict in frame.iter_rows(named=True)}
    return [
        {
            **({} if isinstance(row, UnreadableRow) else row),
            **(_error(problems[number]) if number in problems else _verdict(verdicts[str(number)])),
        }
        for number, row in enumerate(rows)
    ]


def _trace(row: Row | UnreadableRow, row_id: str, default_kind: str) -> Row:
    if isinstance(row, UnreadableRow):
        raise _BadRowError(row.reason)
    kind = row.get("kind") or default_kind
    if not isinstance(kind, str) or kind not in VERIFIERS:
        raise _BadRowError(f"column `kind`: found {shown(kind)}, expected one of {', '.join(VERIFIERS)}")
    response = row.get("response")
    if not isinstance(response, str):
        raise _BadRowError(f"column `response`: found {shown(response)}, expected text")
    reference, specification = _reference_and_specification(row, kind)
    parts = split_completion(text_of(response) or "", opened_think=False)
    return {
        "trace_id": row_id,
        "prompt_id": row_id,
        "model": "",
        "temperature": "",
        "answer": parts.answer,
        "think_state": parts.think_state.value,
        "finish_reason": "length" if row.get("finish_reason") == "length" else None,
        "reference_answer": reference,
        "verifier": kind,
        "verifier_spec": specification,
    }


def _reference_and_specification(row: Row, kind: str) -> tuple[str | None, str]:
    """The reference answer, and the JSON object in `tests` or the one that the columns of the kind make."""
    reference, tests = text_of(row.get("reference")), row.get("tests")
    if kind == "code" and tests is not None:
        return reference, _json(code_spec_of_cell(text_of(tests) if isinstance(tests, str) else tests, "tests"))
    if isinstance(tests, str):
        return reference, text_of(tests) or ""
    if tests is not None:
        return reference, _json(tests)
    if kind == "instruction":
        return reference, constraint_spec(row, _CONSTRAINT_COLUMNS)
    if kind == "choice":
        return _letter_and_options(row, reference)
    return reference, "{}"


def _letter_and_options(row: Row, reference: str | None) -> tuple[str | None, str]:
    try:
        options = lettered_choices(row.get("choices"))
        letter = choice_of_answer(options, reference) if reference else None
    except UnusableRowError as error:
        raise _BadRowError(f"column `choices`: {error.detail}") from error
    return letter, _json({"choices": options.texts})


def _json(value: object) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise _BadRowError(f"column `tests` has no JSON form ({error})") from error


def _verdict(verified: Mapping[str, object]) -> Row:
    return {
        "verdict": verified["verdict"],
        "is_correct": verified["is_correct"],
        "extracted": verified["extracted_answer"],
        "evidence": {name: verified[name] for name in ("method", "message", "milliseconds", "verifier_version")},
    }


def _error(message: str) -> Row:
    evidence = {"method": "row", "message": message, "milliseconds": 0.0, "verifier_version": None}
    return {"verdict": Verdict.ERROR.value, "is_correct": None, "extracted": None, "evidence": evidence}
