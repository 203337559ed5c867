"""The specification of verifier kind `instruction` from the two columns that hold names and arguments."""

import json
from collections.abc import Mapping

from openreason_dagster.domain.recipe_columns import Columns
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of

NAMES, ARGUMENTS = "instruction_id_list", "kwargs"


def constraint_spec(row: Mapping[str, object], columns: Columns) -> str:
    """JSON object with `instruction_id_list` and `kwargs`; arguments that are null are left out.

    Whether the constraints can be checked is for the reference audit to tell.

    Raises:
        UnusableRowError: with reason `bad_constraints`; a column holds no list, or what has no JSON form.
    """
    names, arguments = (
        _listed(row.get(column or ""), str(column)) for column in (columns.constraints, columns.arguments)
    )
    given = [_without_nulls(entry) for entry in arguments]
    try:
        text = json.dumps({NAMES: names, ARGUMENTS: given}, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UnusableRowError("bad_constraints", f"the constraints have no JSON form: {error}") from error
    return text_of(text) or ""


def _listed(value: object, column: str) -> list[object]:
    """A list, also where it is written as JSON text, which is how CSV files carry it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise UnusableRowError("bad_constraints", f"column {column!r} holds no JSON: {shown(value)}") from error
    if not isinstance(value, list):
        raise UnusableRowError("bad_constraints", f"column {column!r} holds {shown(value)}, expected a list")
    return value


def _without_nulls(arguments: object) -> object:
    if not isinstance(arguments, Mapping):
        return arguments
    return {str(key): value for key, value in arguments.items() if value is not None}
