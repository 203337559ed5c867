"""Files of a release, `<stem>-00000-of-0000N.<suffix>`: each with a limited number of rows, written frame by frame."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter

Suffix = Literal["parquet", "jsonl"]


def write_row_files(
    folder: Path, stem: str, batches: Iterable[pl.DataFrame], *, rows_per_file: int, suffix: Suffix = "parquet"
) -> list[tuple[Path, int]]:
    """Path and rows of each file; a frame that reaches over the end of a file is cut there. Holds one frame."""
    files: list[_ParquetFile | _JsonLinesFile] = []
    create = _ParquetFile if suffix == "parquet" else _JsonLinesFile
    for batch in batches:
        rest = batch
        while rest.height:
            if not files or files[-1].rows == rows_per_file:
                folder.mkdir(exist_ok=True)
                files.append(create(folder / f"{stem}-{len(files):05d}.{suffix}"))
            fits = rows_per_file - files[-1].rows
            files[-1].write(rest.head(fits))
            rest = rest.slice(fits)
            if files[-1].rows == rows_per_file:
                files[-1].close()
    if files and files[-1].rows < rows_per_file:
        files[-1].close()
    named = f"-of-{len(files):05d}"
    return [(file.path.rename(file.path.with_stem(file.path.stem + named)), file.rows) for file in files]


def write_row_file(path: Path, frames: Iterable[pl.DataFrame]) -> int:
    """Write one Parquet file and say how many rows it has; without rows there is no file. Holds one frame."""
    file = _ParquetFile(path)
    for frame in frames:
        if frame.height:
            file.write(frame)
    file.close()
    return file.rows


class _ParquetFile:
    """Each frame is a row group."""

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


class _JsonLinesFile:
    """Opened for each frame, so that there is nothing to close."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0

    def write(self, rows: pl.DataFrame) -> None:
        with self.path.open("ab") as file:
            rows.write_ndjson(file)
        self.rows += rows.height

    def close(self) -> None:
        """Nothing is open between two frames."""
