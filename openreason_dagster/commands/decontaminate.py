"""`openreason decontaminate`: which rows of a file overlap evaluation sets in other files."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from openreason_dagster.commands.file_rows import Stopwatch, pass_rows, rows_of
from openreason_dagster.commands.printable import plain
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.curation.file_rows import ADDED_COLUMNS, benchmark_of, decontaminate_rows

_ROWS_PER_BATCH = 10_000


def decontaminate_file(
    source: str, output: str | None, console: Console, *, against: Sequence[Path], columns: tuple[str, str], ngram: int
) -> None:
    """Compare each row with every evaluation set, write it with what it overlaps, and print how many do.

    Args:
        source: The file to check, or `-`.
        output: Where the rows go, `-`, or None.
        console: Where the summary goes.
        against: Files of evaluation sets; they are held in memory.
        columns: Where the prompt stands in the file, and in the evaluation sets.
        ngram: Words in a run that count as overlap.

    Raises:
        SourceError: a file cannot be read, or an evaluation set has a row without a question.
        ReleaseError: the output cannot be written.
    """
    watch, found, rows_seen = Stopwatch(), Counter[str](), 0
    prompt, question = columns
    benchmarks = pl.concat(
        [benchmark_of(rows_of(str(path), where="evaluation set"), path.name, column=question) for path in against]
    )
    index = BenchmarkIndex(benchmarks, ngram=ngram)
    for batch in pass_rows(
        source,
        output,
        lambda rows: decontaminate_rows(rows, index, column=prompt),
        added=ADDED_COLUMNS,
        batch_rows=_ROWS_PER_BATCH,
    ):
        rows_seen += len(batch)
        found.update(str(name).rpartition(": ")[0] for row in batch if (name := row["contaminated_by"]))
        found.update("not comparable" for row in batch if row["error"])
    table = Table("overlaps", "rows", box=box.SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for name in (*(path.name for path in against), "not comparable"):
        table.add_row(plain(name), f"{found[name]:,}")
    console.print(table)
    console.print(watch.rate(rows_seen))
