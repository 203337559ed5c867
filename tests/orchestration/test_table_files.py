"""Data files are cut by bytes, so that neither many rows nor long ones are held."""

import random

import pyarrow.parquet as pq
import pytest

from openreason_dagster.domain.schemas import COLD_START_DATA, SFT_MIX
from openreason_dagster.resources.table_files import TableFiles

LIMIT = 300_000


def conversations(count, *, characters):
    noise = random.Random(count)
    return SFT_MIX.frame(
        dict.fromkeys(SFT_MIX.schema, "x")
        | {
            "trace_id": f"{count}-{number}",
            "messages": [{"role": "user", "content": noise.randbytes(characters // 2).hex()}],
            "completion_tokens": None,
            "reward_total": 1.5,
        }
        for number in range(count)
    )


def row_groups(folder):
    for path in sorted(folder.rglob("*.parquet")):
        file = pq.ParquetFile(path)
        for number in range(file.num_row_groups):
            yield file.metadata.row_group(number)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([conversations(200, characters=4_000)], id="one-frame-larger-than-a-row-group"),
        pytest.param([conversations(n, characters=4_000) for n in (1, 0, 60, 61, 62)], id="frames-of-long-rows"),
    ],
)
def test_row_groups_are_limited_in_bytes(tmp_path, frames):
    files = TableFiles(tmp_path, SFT_MIX, row_group_bytes=LIMIT, file_bytes=LIMIT)
    for frame in frames:
        files.add(frame)
    actions = files.finish()
    sizes = [group.total_byte_size for group in row_groups(tmp_path)]
    assert len(sizes) > 1
    assert max(sizes) <= 2 * LIMIT
    assert sum(group.num_rows for group in row_groups(tmp_path)) == sum(frame.height for frame in frames)
    assert {action.path for action in actions} == {path.name for path in tmp_path.iterdir()}


def test_small_frames_share_a_row_group(tmp_path):
    files = TableFiles(tmp_path, SFT_MIX, row_group_bytes=LIMIT, file_bytes=LIMIT)
    for count in range(20):
        files.add(conversations(count, characters=10))
    (action,) = files.finish()
    assert [group.num_rows for group in row_groups(tmp_path)] == [190]
    assert action.stats == '{"numRecords": 190}'


def test_many_rows_come_in_several_files(tmp_path):
    files = TableFiles(tmp_path, SFT_MIX, row_group_bytes=LIMIT, file_bytes=LIMIT)
    for count in range(100, 110):
        files.add(conversations(count, characters=4_000))
    actions = files.finish()
    assert len(actions) > 3
    assert [action.size for action in actions] == [(tmp_path / action.path).stat().st_size for action in actions]
    assert max(action.size for action in actions) < 3 * LIMIT


def test_discarded_files_are_gone(tmp_path):
    files = TableFiles(tmp_path, SFT_MIX, row_group_bytes=LIMIT, file_bytes=LIMIT)
    files.add(conversations(200, characters=4_000))
    assert list(tmp_path.iterdir())
    files.discard()
    assert not list(tmp_path.iterdir())


def test_no_rows_no_file(tmp_path):
    files = TableFiles(tmp_path, COLD_START_DATA)
    files.add(COLD_START_DATA.frame([]))
    assert files.finish() == []
    assert not list(tmp_path.iterdir())
