"""The release folder: sharded Parquet that `datasets.load_dataset(folder)` reads, built aside and swapped in."""

import ctypes
import errno
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.provenance import file_hash

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter

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


def write_shards(folder: Path, batches: Callable[[str], Iterable[pl.DataFrame]], *, rows_per_shard: int) -> list[Shard]:
    """Write `data/<split>-00000-of-0000N.parquet` for each split that has rows, from one frame at a time."""
    shards: list[Shard] = []
    (folder / "data").mkdir(parents=True)
    for split in SPLITS:
        written = _write_split(folder / "data", split, batches(split), rows_per_shard)
        for number, (path, rows) in enumerate(written):
            final = path.rename(path.with_name(f"{split}-{number:05d}-of-{len(written):05d}.parquet"))
            shards.append(
                Shard(
                    split=split,
                    path=str(final.relative_to(folder)),
                    rows=rows,
                    bytes=final.stat().st_size,
                    sha256=file_hash(final),
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


def _write_split(
    folder: Path, split: str, batches: Iterable[pl.DataFrame], rows_per_shard: int
) -> list[tuple[Path, int]]:
    """Path and rows of each shard of a split; a frame that reaches over the end of a shard is cut there."""
    shards: list[_Writer] = []
    for batch in batches:
        rest = batch
        while rest.height:
            if not shards or shards[-1].rows == rows_per_shard:
                shards.append(_Writer(folder / f"{split}-{len(shards):05d}.parquet"))
            fits = rows_per_shard - shards[-1].rows
            shards[-1].write(rest.head(fits))
            rest = rest.slice(fits)
            if shards[-1].rows == rows_per_shard:
                shards[-1].close()
    if shards and shards[-1].rows < rows_per_shard:
        shards[-1].close()
    return [(shard.path, shard.rows) for shard in shards]


class _Writer:
    """One Parquet file, written frame by frame, each as a row group."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._writer: ParquetWriter | None = None

    def write(self, rows: pl.DataFrame) -> None:
        from pyarrow.parquet import ParquetWriter

        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._writer = ParquetWriter(self.path, table.schema, compression="zstd")
        self._writer.write_table(table)
        self.rows += rows.height

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
