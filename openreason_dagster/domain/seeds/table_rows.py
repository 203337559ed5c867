"""From a row of a table with mapped columns to a seed prompt, or to a row set aside with its reason."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.provenance import prompt_id
from openreason_dagster.domain.recipe_columns import Columns
from openreason_dagster.domain.recipe_sources import FileSource, HubSource
from openreason_dagster.domain.records import SeedPrompt
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of
from openreason_dagster.domain.seeds.choices import choice_of_answer, lettered_choices, with_options
from openreason_dagster.domain.seeds.code_columns import code_spec, whole_solution, with_call
from openreason_dagster.domain.seeds.constraint_columns import constraint_spec
from openreason_dagster.domain.seeds.extract_reference import extract_reference
from openreason_dagster.domain.seeds.seed_batch import DroppedRow

COLUMN_CHECK_ROWS = 1_000
TOPIC_CHARACTERS = 100
"""Of a stated topic; what is longer is cut."""

Row = Mapping[str, object]


def require_columns(rows: Iterator[Row], columns: Columns, *, where: str) -> Iterator[Row]:
    """The same rows, once every mapped column has been seen among the first thousand.

    Rows of JSON may leave out a key, so that one row alone does not tell which columns there are.

    Raises:
        SourceError: there are no rows, or a mapped column is missing; `where` names the source.
    """
    first = list(islice(rows, COLUMN_CHECK_ROWS))
    if not first:
        raise SourceError(f"{where}: is empty; found no rows, expected at least one. Give a file or split with rows.")
    found = sorted({str(name) for row in first for name in row})
    expected = {key: name for key, name in columns.model_dump().items() if name is not None}
    missing = [f"`columns.{key}: {name}`" for key, name in expected.items() if name not in found]
    if missing:
        raise SourceError(
            f"{where}: lacks {', '.join(missing)}; found columns {', '.join(found) or '(none)'}; expected "
            f"{', '.join(expected.values())}. Correct `columns` in the recipe."
        )
    return chain(first, rows)


def require_test_columns(rows: Iterator[Row], source: FileSource | HubSource, *, where: str) -> Iterator[Row]:
    """The same rows, once the columns of `code` have been seen among the first thousand.

    Raises:
        SourceError: one is missing; `where` names the source.
    """
    if source.code is None:
        return rows
    first = list(islice(rows, COLUMN_CHECK_ROWS))
    found = {str(name) for row in first for name in row}
    missing = [f"`code.{key}: {name}`" for key, name in source.code.columns.items() if name not in found]
    if missing:
        raise SourceError(
            f"{where}: lacks {', '.join(missing)}; found {', '.join(sorted(found))}. Correct `code` in the recipe."
        )
    return chain(first, rows)


def table_rows(rows: Iterable[Row], source: FileSource | HubSource) -> Iterator[SeedPrompt | DroppedRow]:
    """Seed prompts and set-aside rows in the order of `rows`; rows without an id are numbered from 0."""
    for number, row in enumerate(rows):
        row_id = _row_id(row, source.columns, number)
        try:
            yield _seed_prompt(row, source, row_id)
        except UnusableRowError as error:
            yield DroppedRow(source=source.name, source_row_id=row_id, reason=error.reason, detail=error.detail)


def _row_id(row: Row, columns: Columns, number: int) -> str:
    try:
        identifier = text_of(row.get(columns.id)) if columns.id else None
    except UnusableRowError:
        identifier = None
    return identifier or str(number)


def _seed_prompt(row: Row, source: FileSource | HubSource, row_id: str) -> SeedPrompt:
    columns = source.columns
    prompt = text_of(row.get(columns.prompt))
    if prompt is None:
        raise UnusableRowError("no_prompt", f"column {columns.prompt!r} holds {shown(row.get(columns.prompt))}")
    reference: str | None
    if source.verifier == "choice":
        choices, reference = _choices_and_letter(row, source)
        prompt, spec = with_options(prompt, choices), json.dumps({"choices": choices}, ensure_ascii=False)
    elif source.verifier == "instruction":
        reference, spec = None, constraint_spec(row, columns)
    elif source.code is not None:
        reference = whole_solution(row, source.code, columns.answer) if columns.answer else None
        tests = code_spec(row, source.code, reference)
        prompt, spec = with_call(prompt, tests), json.dumps(tests, ensure_ascii=False)
    else:
        reference, spec = _reference(row, source), json.dumps(_comparison_options(row, source), ensure_ascii=False)
    return SeedPrompt(
        prompt_id=prompt_id(prompt, source.verifier, spec),
        source=source.name,
        source_row_id=row_id,
        domain=source.domain,
        language=source.language,
        prompt=prompt,
        reference_answer=reference,
        solution=text_of(row.get(columns.solution)) if columns.solution else None,
        verifier=source.verifier,
        verifier_spec=spec,
        license=source.license,
        topic=_topic(row, columns),
    )


def _topic(row: Row, columns: Columns) -> str | None:
    """In one line; a topic that cannot be stored is no reason to leave out a prompt that can."""
    try:
        text = text_of(row.get(columns.topic)) if columns.topic else None
    except UnusableRowError:
        return None
    return None if text is None else " ".join(text.split())[:TOPIC_CHARACTERS]


def _reference(row: Row, source: FileSource | HubSource) -> str:
    column = source.columns.answer or ""
    text = text_of(row.get(column))
    reference = extract_reference(text, source.answer_extraction) if text is not None else None
    if reference is None:
        rule = source.answer_extraction.rule
        raise UnusableRowError(
            "no_reference", f"rule {rule} finds nothing in column {column!r}: {shown(row.get(column))}"
        )
    return reference


def _comparison_options(row: Row, source: FileSource | HubSource) -> dict[str, object]:
    """What the verifier has to know beside the reference: further right texts, the unit, and the tolerance."""
    options: dict[str, object] = {} if source.tolerance is None else dict(source.tolerance.model_dump())
    unit = text_of(row.get(source.columns.unit)) if source.columns.unit else None
    if unit is not None:
        options["unit"] = unit
    if source.columns.aliases:
        options["aliases"] = _texts(row.get(source.columns.aliases))
    return options


def _texts(value: object) -> list[str]:
    """The texts of a list, or the one text that stands in its place."""
    values = value if isinstance(value, list | tuple) else [value]
    return [text for text in map(text_of, values) if text is not None]


def _choices_and_letter(row: Row, source: FileSource | HubSource) -> tuple[dict[str, str], str]:
    reference = _reference(row, source)
    options = lettered_choices(row.get(source.columns.choices or ""))
    return options.texts, choice_of_answer(options, reference)
