"""Hashes of rows by their content, which stay the same whatever program wrote the file.

A row's hash is SHA-256 over its canonical JSON (keys sorted, no white space), a shard's over the hashes of its rows in
order. A Parquet file's own hash also depends on the version of the library that wrote it.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

_ROWS_AT_ONCE = 2_000


def rows_hash(path: Path) -> str:
    """Hash of all rows of a Parquet file in their order, 64 hexadecimal digits; holds few rows in memory."""
    whole = hashlib.sha256()
    for _, row in hashed_rows(path):
        whole.update(row)
    return whole.hexdigest()


def hashed_rows(path: Path) -> Iterator[tuple[str, bytes]]:
    """trace_id and hash of each row of a Parquet file, in order."""
    for frame in pl.scan_parquet(path).collect_batches(chunk_size=_ROWS_AT_ONCE, maintain_order=True):
        for row in frame.iter_rows(named=True):
            yield str(row["trace_id"]), row_hash(row)


def row_hash(row: dict[str, object]) -> bytes:
    """SHA-256 of one row's canonical JSON.

    Raises:
        TypeError, ValueError: the row holds a value without a JSON form.
    """
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
