"""In which files of releases a row is, and single rows of files."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import polars as pl

from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.row_files.read_rows import read_rows

IDENTIFIERS = ("trace_id", "pair_id", "prompt_id")
"""Columns by which a row of a file is known, the narrowest first."""


def released_places(releases: Path, wanted: Mapping[str, Collection[str]]) -> list[str]:
    """Rows of all releases, as `FILE:ROW`, with one of the wanted values in the column they are wanted in.

    `prompt_id` counts in files of prompts alone, where no narrower identifier is.
    """
    found = []
    for manifest in sorted(releases.glob("[!.]*/manifest.json")):
        recorded = json.loads(manifest.read_text(encoding="utf-8"))
        for file in (*recorded["shards"], *recorded.get("configurations", ())):
            path = manifest.parent / file["path"]
            if path.is_file():
                found += [f"{path}:{row}" for row in _rows_with(path, wanted)]
    return found


def identifier_of_row(path: Path, number: int) -> str:
    """The narrowest identifier of a row of a Parquet or JSON lines file, counted from 0.

    Raises:
        TableError: the file is not there or damaged, or it has no such row or no identifier.
    """
    if not path.is_file():
        raise TableError(f"the file {str(path)!r} does not exist; give a file of a release and a row, from 0.")
    found = _row_of_file(path, number)
    if found is None:
        raise TableError(f"{str(path)!r} has no row {number}; rows are counted from 0.")
    identifier = next((found[name] for name in IDENTIFIERS if found.get(name)), None)
    if not identifier:
        names = " nor ".join(IDENTIFIERS)
        raise TableError(f"{str(path)!r} has neither the column {names}; found {', '.join(found)}.")
    return str(identifier)


def _rows_with(path: Path, wanted: Mapping[str, Collection[str]]) -> list[int]:
    with _explaining_damage(path):
        frame = _scan(path)
        columns = set(frame.collect_schema().names())
        if columns & {"trace_id", "pair_id"}:
            columns -= {"prompt_id"}
        asked = [pl.col(name).is_in(list(values)) for name, values in wanted.items() if name in columns]
        if not asked:
            return []
        return frame.filter(pl.any_horizontal(asked)).select("row").collect()["row"].to_list()


def _scan(path: Path) -> pl.LazyFrame:
    scan = pl.scan_parquet if path.suffix == ".parquet" else pl.scan_ndjson
    return scan(path, row_index_name="row")


def _row_of_file(path: Path, number: int) -> dict[str, object] | None:
    if path.suffix == ".parquet":
        with _explaining_damage(path):
            frame = pl.scan_parquet(path)
            wanted = [name for name in frame.collect_schema().names() if name in IDENTIFIERS]
            rows = frame.select(wanted or pl.all()).slice(number, 1).collect()
        return None if rows.is_empty() else rows.row(0, named=True)
    found = next(islice(read_rows(path, where="show"), number, None), None)
    return found if isinstance(found, dict) else None


@contextmanager
def _explaining_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        kind = "Parquet" if path.suffix == ".parquet" else "JSON lines"
        raise TableError(
            f"the file {str(path)!r} is not a whole {kind} file ({error}). Fetch or write it again."
        ) from error
