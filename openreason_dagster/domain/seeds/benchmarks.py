"""Evaluation sets of the recipe as rows of benchmark_prompts."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import Benchmark, FileBenchmark
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, text_of
from openreason_dagster.domain.seeds.choices import lettered_choices, with_options
from openreason_dagster.domain.seeds.file import read_file_rows
from openreason_dagster.domain.seeds.hub import read_hub_rows
from openreason_dagster.domain.seeds.message_columns import with_message_columns
from openreason_dagster.domain.seeds.table_rows import require_columns


def benchmark_prompts(benchmarks: Iterable[Benchmark], base_folder: Path) -> pl.DataFrame:
    """All rows of all benchmarks, in the recipe's order; rows without an id column are numbered from 0.

    Where options are mapped they are appended to the question as for seed prompts; options that cannot be read are
    left out, because the question alone still has to be kept out of training.

    Raises:
        SourceError: a file cannot be read, lacks a mapped column, or has a row without a question. No row is set
            aside here: a question that silently went missing would no longer be kept out.
    """
    rows = [row for benchmark in benchmarks for row in _benchmark_rows(benchmark, base_folder)]
    return BENCHMARK_PROMPTS.frame(rows)


def _benchmark_rows(benchmark: Benchmark, base_folder: Path) -> Iterator[dict[str, object]]:
    where = f"benchmark {benchmark.name!r}"
    columns = benchmark.columns
    if isinstance(benchmark, FileBenchmark):
        rows = read_file_rows(base_folder / benchmark.path, where=where)
    else:
        rows = read_hub_rows(benchmark, base_folder, where=where)
    rows = with_message_columns(rows, columns)
    for number, row in enumerate(require_columns(rows, columns, where=where)):
        try:
            prompt = text_of(row.get(columns.prompt))
            solution = text_of(row.get(columns.solution)) if columns.solution else None
            row_id = text_of(row.get(columns.id)) if columns.id else None
        except UnusableRowError as error:
            raise SourceError(f"{where}, row {number}: {error.detail}. Correct that row of the file.") from error
        if prompt is None:
            raise SourceError(f"{where}, row {number}: column {columns.prompt!r} holds no question. Correct that row.")
        yield {
            "benchmark": benchmark.name,
            "benchmark_row_id": row_id or str(number),
            "prompt": _with_options(prompt, row, columns.choices),
            "solution": solution,
        }


def _with_options(prompt: str, row: Mapping[str, object], column: str | None) -> str:
    if column is None:
        return prompt
    try:
        return with_options(prompt, lettered_choices(row.get(column)).texts)
    except UnusableRowError:
        return prompt
