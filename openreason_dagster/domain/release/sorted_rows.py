"""Rows in order without holding them: spread over files of a folder by their place, then read back file by file."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

BYTES_AT_ONCE = 256_000_000


def sorted_rows(
    batches: Iterable[pl.DataFrame],
    keys: pl.Series,
    *,
    folder: Path,
    rows_per_frame: int,
    bytes_at_once: int = BYTES_AT_ONCE,
) -> Iterator[pl.DataFrame]:
    """The rows of `batches` in the order of their key, in frames of `rows_per_frame` rows.

    Args:
        batches: Frames with a column of the name of `keys`, in any order.
        keys: The key of every row, each once.
        folder: Made for the time of the work, and emptied before if it is left over from a process that was killed. It
            takes as much space as the rows.
        rows_per_frame: So many rows are read back at once.
        bytes_at_once: Batches are gathered to so many bytes before they are spread, which takes that memory twice: each
            gives a file to each frame, so that few large ones cost less than many small ones.
    """
    shutil.rmtree(folder, ignore_errors=True)
    places = keys.sort().to_frame().with_row_index("place")
    places = places.with_columns(frame=pl.col("place") // rows_per_frame)
    try:
        for number, batch in enumerate(gathered(batches, bytes_at_once)):
            _spread(batch.join(places, on=keys.name), folder, number)
        for part in sorted(folder.iterdir()) if folder.exists() else ():
            frames = [pl.read_ipc(path.read_bytes()) for path in sorted(part.iterdir())]
            shutil.rmtree(part)
            yield pl.concat(frames).sort("place").drop("place", "frame")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def gathered(batches: Iterable[pl.DataFrame], least_bytes: int = BYTES_AT_ONCE) -> Iterator[pl.DataFrame]:
    """The same rows in frames of at least so many bytes, but the last."""
    held: list[pl.DataFrame] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += int(batch.estimated_size())
        if size >= least_bytes:
            yield pl.concat(held)
            held, size = [], 0
    if held:
        yield pl.concat(held)


def _spread(rows: pl.DataFrame, folder: Path, number: int) -> None:
    for part in rows.partition_by("frame"):
        target = folder / f"{part['frame'][0]:06d}"
        target.mkdir(parents=True, exist_ok=True)
        part.write_ipc(target / f"{number:06d}.arrow", compression="lz4")
