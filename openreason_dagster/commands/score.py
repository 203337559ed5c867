"""`openreason score`: rewards for the rows of a file, without recipe or workspace."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from openreason_dagster.commands.file_rows import Stopwatch, pass_rows
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.rewards.file_rows import added_columns, score_rows
from openreason_dagster.domain.rewards.languages import MEASURABLE_TARGETS
from openreason_dagster.domain.rewards.registry import REWARDS
from openreason_dagster.domain.row_files.read_rows import Row

_ROWS_PER_BATCH = 2_000


def score_file(source: str, output: str | None, console: Console, *, rewards: Sequence[str], language: str) -> None:
    """Score each row, write it with its rewards, and print their means; no names means every reward.

    Raises:
        SourceError: the file cannot be read.
        ReleaseError: the output cannot be written.
        RecipeError: there is no reward of a name, or the language of a reward's text cannot be told from others.
    """
    names = list(dict.fromkeys(rewards)) or list(REWARDS)
    unknown = [name for name in names if name not in REWARDS]
    if unknown:
        raise RecipeError(f"--reward {unknown[0]!r}: there is no such reward; expected any of {', '.join(REWARDS)}.")
    if "language_consistency" in names and language not in MEASURABLE_TARGETS:
        raise RecipeError(
            f"--language {language!r}: its words cannot be told from others; expected one of "
            f"{', '.join(sorted(MEASURABLE_TARGETS))}. Rewards other than language_consistency need no language: name "
            "them with --reward."
        )
    watch, means = Stopwatch(), _Means()
    added = added_columns(names)
    for batch in pass_rows(
        source, output, lambda rows: score_rows(rows, names, language=language), added=added, batch_rows=_ROWS_PER_BATCH
    ):
        means.add(batch, [column for column in added if column != "error"])
    means.print(console)
    console.print(watch.rate(means.rows))


class _Means:
    """Running means of the columns of rows, and how many rows had none."""

    def __init__(self) -> None:
        self.rows = 0
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._known: Counter[str] = Counter()

    def add(self, batch: Sequence[Row], columns: Sequence[str]) -> None:
        self.rows += len(batch)
        for column in columns:
            values = [value for row in batch if isinstance(value := row[column], float)]
            self._sums[column] += sum(values)
            self._known[column] += len(values)

    def print(self, console: Console) -> None:
        table = Table("reward", "mean", "rows", "null", box=box.SIMPLE_HEAD)
        for column in table.columns[1:]:
            column.justify = "right"
        for name, known in self._known.items():
            mean = f"{self._sums[name] / known:.4f}" if known else "–"
            table.add_row(name, mean, f"{known:,}", f"{self.rows - known:,}")
        console.print(table)
