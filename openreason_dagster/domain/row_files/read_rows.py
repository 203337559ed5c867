"""Rows of a JSONL or Parquet file, or of a stream of JSONL; a line that is no row is data with a reason."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.seeds.file import read_file_rows

FIRST_LINES = 100
KINDS = (".jsonl", ".jsonl.gz", ".parquet")

Row = dict[str, object]


@dataclass(frozen=True)
class UnreadableRow:
    """A line that holds no JSON object, and why."""

    reason: str


def read_rows(source: Path | BinaryIO, *, where: str) -> Iterator[Row | UnreadableRow]:
    """Yield the rows in order; blank lines are skipped, and numbers that JSON does not know (`NaN`) are null.

    Args:
        source: A file, whose name tells its kind, or a stream of JSONL.
        where: Who asks for the rows, for errors.

    Raises:
        SourceError: The file is missing, empty, of another kind, or not whole, or none of its first hundred lines is
            a row.
    """
    if not isinstance(source, Path):
        yield from _jsonl(source, where)
    elif source.name.endswith(".parquet"):
        yield from (dict(row) for row in read_file_rows(source, where=where))
    else:
        yield from _jsonl_file(source, f"{where}, file {str(source)!r}")


def _jsonl_file(path: Path, place: str) -> Iterator[Row | UnreadableRow]:
    if not path.name.endswith(KINDS):
        raise SourceError(
            f"{place}: found kind {path.suffix!r}, expected one of {', '.join(KINDS)}. Rename or convert it."
        )
    if not path.is_file():
        raise SourceError(f"{place}: does not exist or is no file. Correct the path or put the file there.")
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from _jsonl(file, place)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{place}: is not a whole gzip file ({error}). Fetch the file again.") from error
    except OSError as error:
        raise SourceError(f"{place}: cannot be read ({error}). Check the file and its permissions.") from error


def _jsonl(lines: Iterable[bytes], place: str) -> Iterator[Row | UnreadableRow]:
    rows = (_row(line, number) for number, line in enumerate(lines, start=1) if line.strip())
    first = list(islice(rows, FIRST_LINES))
    if not first:
        raise SourceError(f"{place}: is empty, expected rows. Give a file with one JSON object per line.")
    reasons = [row.reason for row in first if isinstance(row, UnreadableRow)]
    if len(reasons) == len(first):
        raise SourceError(f"{place}: holds no rows; {reasons[0]}. Give a file with one JSON object per line.")
    yield from chain(first, rows)


def _row(line: bytes, number: int) -> Row | UnreadableRow:
    try:
        row = json.loads(line.removeprefix(b"\xef\xbb\xbf"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        return UnreadableRow(f"line {number}: found {line[:60]!a}, expected JSON ({error})")
    if not isinstance(row, dict):
        return UnreadableRow(f"line {number}: found a JSON {type(row).__name__}, expected an object")
    return row
