"""The release folder: sharded Parquet that `datasets.load_dataset(folder)` reads, built aside and swapped in."""

import ctypes
import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openreason_dagster.domain.provenance import file_hash
from openreason_dagster.domain.release.row_hashes import rows_hash

SPLITS = ("train", "validation")
_WORKING_FOLDER = -100  # AT_FDCWD of <fcntl.h>: paths are what they would be in `rename`
_RENAME_EXCHANGE = 2  # of <stdio.h>


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One written Parquet file; `path` is relative to the release folder."""

    split: str
    path: str
    rows: int
    bytes: int
    sha256: str
    """Of the file."""
    rows_sha256: str
    """Of the rows in it (see `row_hashes`)."""


def write_shards(folder: Path, batches: Callable[[str], Iterable[pl.DataFrame]], *, rows_per_shard: int) -> list[Shard]:
    """Write `data/<split>-00000-of-0000N.parquet` for each split that has rows; holds one shard in memory."""
    shards: list[Shard] = []
    (folder / "data").mkdir(parents=True)
    for split in SPLITS:
        written = [
            _write(folder / "data" / f"{split}-{number:05d}.parquet", frame)
            for number, frame in enumerate(resized(batches(split), rows_per_shard))
        ]
        for number, (path, rows) in enumerate(written):
            final = path.rename(path.with_name(f"{split}-{number:05d}-of-{len(written):05d}.parquet"))
            shards.append(
                Shard(
                    split=split,
                    path=str(final.relative_to(folder)),
                    rows=rows,
                    bytes=final.stat().st_size,
                    sha256=file_hash(final),
                    rows_sha256=rows_hash(final),
                )
            )
    return shards


def swap_in(new: Path, target: Path) -> None:
    """Put the finished folder in the target's place; both must lie in one folder.

    On Linux the two change places in one step: whatever happens, `target` is the old release or the new one, whole.
    Where the system or the file system cannot do that, the old release is first moved to `.<name>.retired`; between
    the two moves there is no `target`, and a process that is killed just then leaves both releases beside it.
    """
    if not target.exists():
        new.rename(target)
        shutil.rmtree(target.with_name(f".{target.name}.retired"), ignore_errors=True)
    elif _exchange(new, target):
        shutil.rmtree(new, ignore_errors=True)
    else:
        _move_aside(new, target)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step; False if the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_WORKING_FOLDER, os.fsencode(first), _WORKING_FOLDER, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(first), None, str(second))


def _move_aside(new: Path, target: Path) -> None:
    retired = target.with_name(f".{target.name}.retired")
    shutil.rmtree(retired, ignore_errors=True)
    target.rename(retired)
    new.rename(target)
    shutil.rmtree(retired, ignore_errors=True)


def _write(path: Path, frame: pl.DataFrame) -> tuple[Path, int]:
    frame.write_parquet(path, compression="zstd")
    return path, frame.height


def resized(batches: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of `rows` rows, the last one shorter; holds one frame and one batch."""
    held: list[pl.DataFrame] = []
    for batch in batches:
        held.append(batch)
        while sum(frame.height for frame in held) >= rows:
            joined = pl.concat(held)
            yield joined.head(rows)
            held = [joined.slice(rows)]
    remainder = pl.concat(held) if held else pl.DataFrame()
    if remainder.height:
        yield remainder
