import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.release.sorted_rows import sorted_rows


@given(
    st.lists(st.text("0123456789abcdef-é", min_size=1, max_size=6), unique=True, max_size=40),
    st.integers(1, 9),
    st.integers(0, 300),
)
def test_rows_come_in_order_in_full_frames_and_leave_nothing_behind(tmp_path_factory, keys, size, gathered):
    folder = tmp_path_factory.mktemp("sorted") / "work"
    rows = pl.DataFrame({"key": keys, "text": [key * 3 for key in keys]}, schema={"key": pl.String, "text": pl.String})
    batches = rows.sample(fraction=1, shuffle=True, seed=size).iter_slices(7)
    frames = list(sorted_rows(batches, rows["key"], folder=folder, rows_per_frame=size, bytes_at_once=gathered))
    assert [frame.height for frame in frames[:-1]] == [size] * (len(frames) - 1)
    assert pl.concat([rows.clear(), *frames]).rows() == rows.sort("key").rows()
    assert not folder.exists()


def test_what_a_killed_process_left_is_not_read(tmp_path):
    stale = tmp_path / "work" / "000000"
    stale.mkdir(parents=True)
    (stale / "000000.arrow").write_bytes(b"torn")
    rows = pl.DataFrame({"key": ["b", "a"]})
    (frame,) = sorted_rows([rows], rows["key"], folder=tmp_path / "work", rows_per_frame=5)
    assert frame["key"].to_list() == ["a", "b"]


def test_a_failing_producer_leaves_no_folder(tmp_path):
    def batches():
        yield pl.DataFrame({"key": [random.choice("ab")]})
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(sorted_rows(batches(), pl.Series("key", ["a", "b"]), folder=tmp_path / "work", rows_per_frame=1))
    assert not (tmp_path / "work").exists()
