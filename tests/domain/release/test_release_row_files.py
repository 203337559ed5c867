"""Files are cut by rows, whatever frames the rows come in."""

import polars as pl
import pytest

from openreason_dagster.domain.release.row_files import write_row_files

READERS = {"parquet": pl.read_parquet, "jsonl": pl.read_ndjson}


def frames(*sizes):
    start = 0
    for size in sizes:
        yield pl.DataFrame({"trace_id": [f"t{start + row}" for row in range(size)]})
        start += size


@pytest.mark.parametrize(
    ("sizes", "per_file", "rows"),
    [
        pytest.param((5,), 10, [5], id="one-short-file"),
        pytest.param((4, 4, 4), 5, [5, 5, 2], id="frames-cut-and-joined"),
        pytest.param((10,), 5, [5, 5], id="exact"),
        pytest.param((1, 0, 1), 1, [1, 1], id="empty-frame"),
        pytest.param((), 5, [], id="nothing"),
    ],
)
@pytest.mark.parametrize("suffix", READERS)
def test_sizes_and_names(tmp_path, sizes, per_file, rows, suffix):
    files = write_row_files(tmp_path / "out", "train", frames(*sizes), rows_per_file=per_file, suffix=suffix)
    assert [count for _, count in files] == rows
    names = [f"train-{number:05d}-of-{len(rows):05d}.{suffix}" for number in range(len(rows))]
    assert [path.name for path, _ in files] == names
    written = [READERS[suffix](path)["trace_id"].to_list() for path, _ in files]
    assert [len(part) for part in written] == rows
    assert [row for part in written for row in part] == [f"t{row}" for row in range(sum(sizes))]
