"""Rows of a JSONL, CSV or Parquet file, plain or gzip, read as a stream."""

import csv
import gzip
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import IO, BinaryIO, cast

from openreason_dagster.domain.errors import SourceError

PARQUET_BATCH_ROWS = 1_000

Row = Mapping[str, object]


def read_file_rows(path: Path, *, where: str) -> Iterator[Row]:
    """Yield the rows of a file in order, one mapping each; blank lines of JSONL and CSV are skipped.

    The kind is told by the name: `.jsonl`, `.csv` or `.parquet`, each with or without `.gz`. CSV has a header line
    and all its cells are text. At most one batch of rows is in memory; a gzip Parquet file is unpacked to a
    temporary file first, because Parquet is read from its end.

    Raises:
        SourceError: the kind is unknown, the file is missing or empty, or a part of it cannot be read; `where` names
            who asks for the file.
    """
    place = f"{where}, file {str(path)!r}"
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind not in _READERS:
        raise SourceError(f"{place}: found kind {kind!r}, expected {', '.join(_READERS)} (or with .gz). Rename it.")
    if not path.is_file():
        raise SourceError(f"{place}: does not exist or is no file. Correct the path or put the file there.")
    if path.stat().st_size == 0:
        raise SourceError(f"{place}: is empty (0 bytes), expected rows. Put the whole file there.")
    try:
        with _open_unpacked(path) as file:
            yield from _READERS[kind](file, place)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{place}: is not a whole gzip file ({error}). Fetch the file again.") from error
    except OSError as error:
        raise SourceError(f"{place}: cannot be read ({error}). Check the file and its permissions.") from error


def _open_unpacked(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _jsonl_rows(file: IO[bytes], place: str) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{place}, line {number}: is not valid JSON ({error}). Correct that line.") from error
        if not isinstance(row, dict):
            raise SourceError(
                f"{place}, line {number}: found a JSON {type(row).__name__}, expected an object per line."
            )
        yield row


def _csv_rows(file: IO[bytes], place: str) -> Iterator[Row]:
    with TextIOWrapper(cast("BinaryIO", file), encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            header = next(reader, [])
            if len(set(header)) != len(header):
                raise SourceError(f"{place}, line 1: found a column name twice in {header}; expected distinct names.")
            for cells in filter(None, reader):
                if len(cells) != len(header):
                    found = f"found {len(cells)} cells, expected {len(header)}"
                    raise SourceError(f"{place}, line {reader.line_num}: {found}. Correct that row.")
                yield dict(zip(header, cells, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(
                f"{place}, after line {reader.line_num}: is not valid CSV in UTF-8 ({error}). Correct the file there."
            ) from error


def _parquet_rows(file: IO[bytes], place: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile() as unpacked:
        if not isinstance(file, BufferedReader):
            shutil.copyfileobj(file, unpacked)
            file = unpacked
        try:
            with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
                for batch in parquet.iter_batches(batch_size=PARQUET_BATCH_ROWS):
                    yield from batch.to_pylist()
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{place}: is not a whole Parquet file ({error}). Fetch or write it again.") from error


_READERS: dict[str, Callable[[IO[bytes], str], Iterator[Row]]] = {
    ".jsonl": _jsonl_rows,
    ".csv": _csv_rows,
    ".parquet": _parquet_rows,
}
