"""`openreason verify`: verdicts for the rows of a file, without recipe or workspace."""

from collections import Counter

from rich import box
from rich.console import Console
from rich.table import Table

from openreason_dagster.commands.file_rows import Stopwatch, pass_rows
from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.verification.file_rows import ADDED_COLUMNS, verify_rows
from openreason_dagster.domain.verification.registry import VERIFIERS
from openreason_dagster.resources.judging import judge_of

_ROWS_PER_BATCH = 2_000


def verify_file(
    source: str, output: str | None, console: Console, *, default_kind: str, verification: Verification
) -> None:
    """Judge each row, write it with its verdict, and print how many got which.

    Raises:
        SourceError: the file cannot be read.
        ReleaseError: the output cannot be written.
        VerificationError: the default kind is unknown, or workers cannot start.
    """
    if default_kind not in VERIFIERS:
        raise VerificationError(
            f"--kind {default_kind!r}: unknown verifier kind; expected one of {', '.join(VERIFIERS)}."
        )
    watch, verdicts = Stopwatch(), Counter[str]()
    with judge_of(verification) as judge:
        batches = pass_rows(
            source,
            output,
            lambda rows: verify_rows(rows, judge, default_kind=default_kind),
            added=ADDED_COLUMNS,
            batch_rows=_ROWS_PER_BATCH,
        )
        for batch in batches:
            verdicts.update(str(row["verdict"]) for row in batch)
    _print(verdicts, console)
    console.print(watch.rate(verdicts.total()))


def _print(verdicts: Counter[str], console: Console) -> None:
    table = Table("verdict", "rows", "share", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for verdict, count in verdicts.most_common():
        table.add_row(verdict, f"{count:,}", f"{count / verdicts.total():.1%}")
    console.print(table)
