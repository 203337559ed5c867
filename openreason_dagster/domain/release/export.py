"""The release folder: sharded Parquet that `datasets.load_dataset(folder)` reads, built aside and swapped in."""

import ctypes
import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

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


def described_shard(folder: Path, path: Path, *, split: str, rows: int) -> Shard:
    """What the manifest says of a written shard; `folder` is the release's."""
    return Shard(
        split=split,
        path=str(path.relative_to(folder)),
        rows=rows,
        bytes=path.stat().st_size,
        sha256=file_hash(path),
        rows_sha256=rows_hash(path),
    )


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
