"""Contamination of rows of a file by evaluation sets in other files, by the rule of the prompt pool.

A row that cannot be compared keeps its place with the reason in `error`.
"""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.row_files.read_rows import Row, UnreadableRow
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of

ADDED_COLUMNS: Mapping[str, pl.DataType] = dict.fromkeys(("contaminated_by", "match", "error"), pl.String())
"""The evaluation set and row that a prompt overlaps, the words they share, and why a row could not be compared."""
_PROMPTS = pl.Schema(dict.fromkeys(("prompt_id", "prompt", "solution"), pl.String()))


def benchmark_of(rows: Iterable[Row | UnreadableRow], name: str, *, column: str) -> pl.DataFrame:
    """Rows of benchmark_prompts: the text in `column`, and `solution` and `id` where there are such.

    Raises:
        SourceError: a row has no text there; a question that silently went missing would no longer be kept out.
    """
    return BENCHMARK_PROMPTS.frame(_benchmark_row(row, name, str(number), column) for number, row in enumerate(rows))


def _benchmark_row(row: Row | UnreadableRow, name: str, number: str, column: str) -> Row:
    where = f"benchmark {name!r}, row {number}"
    if isinstance(row, UnreadableRow):
        raise SourceError(f"{where}: {row.reason}. Correct that line.")
    try:
        prompt, solution, row_id = (text_of(row.get(key)) for key in (column, "solution", "id"))
    except UnusableRowError as error:
        raise SourceError(f"{where}: {error.detail}. Correct that row.") from error
    if prompt is None:
        raise SourceError(
            f"{where}: column {column!r} holds no text; found columns {', '.join(row) or '(none)'}; expected the "
            "question in each row. Name the column with --against-column, or correct that row."
        )
    return {"benchmark": name, "benchmark_row_id": row_id or number, "prompt": prompt, "solution": solution}


def decontaminate_rows(rows: Sequence[Row | UnreadableRow], benchmarks: BenchmarkIndex, *, column: str) -> list[Row]:
    """The rows with `ADDED_COLUMNS`, in their order.

    Args:
        rows: With the prompt in `column`, and perhaps a `solution`.
        benchmarks: What they are compared with.
        column: Where the prompt stands.
    """
    prompts: list[Row] = []
    problems: dict[int, str] = {}
    for number, row in enumerate(rows):
        try:
            prompts.append(_prompt(row, str(number), column))
        except UnusableRowError as error:
            problems[number] = error.detail
    found = benchmarks.overlaps(pl.DataFrame(prompts, schema=_PROMPTS))
    hits = {int(hit["prompt_id"]): hit for hit in found.iter_rows(named=True)}
    return [
        {
            **({} if isinstance(row, UnreadableRow) else row),
            "contaminated_by": _source(hits[number]) if number in hits else None,
            "match": hits[number]["matching_text"] if number in hits else None,
            "error": problems.get(number),
        }
        for number, row in enumerate(rows)
    ]


def _prompt(row: Row | UnreadableRow, number: str, column: str) -> Row:
    if isinstance(row, UnreadableRow):
        raise UnusableRowError("bad_row", row.reason)
    prompt = text_of(row.get(column))
    if prompt is None:
        raise UnusableRowError("no_prompt", f"column `{column}`: found {shown(row.get(column))}, expected text")
    return {"prompt_id": number, "prompt": prompt, "solution": text_of(row.get("solution"))}


def _source(hit: Mapping[str, object]) -> str:
    return f"{hit['benchmark']}: {hit['benchmark_row_id']}"
