"""Files of staged rows are cut by bytes, so that neither many rows nor long ones are held."""

import json
import random

import pyarrow.parquet as pq
import pytest

from openreason_dagster.domain.schemas import COLD_START_DATA, SFT_MIX
from openreason_dagster.resources.staged_rows import StagedRows

LIMIT = 100_000


def conversations(count, *, characters):
    noise = random.Random(count)
    return SFT_MIX.frame(
        dict.fromkeys(SFT_MIX.schema, "x")
        | {
            "trace_id": f"{count:03d}-{number:03d}",
            "messages": [{"role": "user", "content": noise.randbytes(characters // 2).hex()}],
            "completion_tokens": None,
            "reward_total": 1.5,
        }
        for number in range(count)
    )


@pytest.mark.parametrize(
    ("frames", "fewest", "most"),
    [
        pytest.param([conversations(100, characters=4_000)], 2, 5, id="one-frame-larger-than-a-file"),
        pytest.param([conversations(n, characters=4_000) for n in (1, 0, 40, 41)], 2, 5, id="frames-of-long-rows"),
        pytest.param([conversations(n, characters=10) for n in range(20)], 1, 1, id="small-frames"),
        pytest.param([conversations(1, characters=250_000)] * 2, 2, 2, id="rows-larger-than-a-file"),
    ],
)
def test_files_are_limited_in_bytes(tmp_path, frames, fewest, most):
    staged = StagedRows(tmp_path, SFT_MIX, bytes_per_file=LIMIT)
    for frame in frames:
        staged.add(frame)
    actions = staged.finish()
    assert fewest <= len(actions) <= most
    contents = [pq.read_table(tmp_path / action.path) for action in actions]
    assert max(content.nbytes for content in contents) <= 3 * LIMIT
    expected = sorted(identifier for frame in frames for identifier in frame["trace_id"])
    assert sorted(identifier for content in contents for identifier in content["trace_id"].to_pylist()) == expected
    assert [action.size for action in actions] == [(tmp_path / action.path).stat().st_size for action in actions]
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {
        action.path for action in actions
    }


def test_files_say_what_is_in_them(tmp_path):
    staged = StagedRows(tmp_path, SFT_MIX)
    staged.add(conversations(3, characters=10))
    (action,) = staged.finish()
    found = json.loads(action.stats)
    assert found["numRecords"] == 3
    assert (found["minValues"]["trace_id"], found["maxValues"]["trace_id"]) == ("003-000", "003-002")
    assert found["nullCount"]["completion_tokens"] == 3


def test_discarded_files_are_gone(tmp_path):
    staged = StagedRows(tmp_path, SFT_MIX, bytes_per_file=LIMIT)
    staged.add(conversations(100, characters=4_000))
    assert list(tmp_path.iterdir())
    staged.discard()
    assert not list(tmp_path.iterdir())


def test_no_rows_no_file(tmp_path):
    staged = StagedRows(tmp_path, COLD_START_DATA)
    staged.add(COLD_START_DATA.frame([]))
    assert staged.finish() == []
    assert not list(tmp_path.iterdir())
