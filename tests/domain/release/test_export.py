"""Shards hold every row once, the swap leaves no half release, and differences from the mix are found."""

import json
import shutil
import subprocess
import sys

import polars as pl
import pytest

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.provenance import file_hash
from openreason_dagster.domain.release.export import _move_aside, swap_in, write_shards
from openreason_dagster.domain.release.released_rows import release_differences


def batches(*sizes):
    def of(split):
        start = 0
        for size in sizes if split == "train" else ():
            yield pl.DataFrame({"trace_id": [f"t{start + row}" for row in range(size)]})
            start += size

    return of


@pytest.mark.parametrize(
    ("sizes", "per_shard", "rows"),
    [
        pytest.param((5,), 10, [5], id="one-short-shard"),
        pytest.param((4, 4, 4), 5, [5, 5, 2], id="batches-cut-and-joined"),
        pytest.param((10,), 5, [5, 5], id="exact"),
        pytest.param((1, 0, 1), 1, [1, 1], id="empty-batch"),
        pytest.param((), 5, [], id="nothing"),
    ],
)
def test_write_shards_sizes_names_and_hashes(tmp_path, sizes, per_shard, rows):
    shards = write_shards(tmp_path / "out", batches(*sizes), rows_per_shard=per_shard)
    assert [shard.rows for shard in shards] == rows
    for number, shard in enumerate(shards):
        assert shard.path == f"data/train-{number:05d}-of-{len(rows):05d}.parquet"
        assert shard.sha256 == file_hash(tmp_path / "out" / shard.path)
    written = [pl.read_parquet(tmp_path / "out" / shard.path)["trace_id"].to_list() for shard in shards]
    assert [row for rows in written for row in rows] == [f"t{row}" for row in range(sum(sizes))]


def test_swap_in_replaces_the_old_release_whole(tmp_path):
    old, new = tmp_path / "release", tmp_path / "building"
    (old / "data").mkdir(parents=True)
    (old / "data" / "stale.parquet").write_text("old")
    new.mkdir()
    (new / "README.md").write_text("new")
    swap_in(new, old)
    assert [path.name for path in old.iterdir()] == ["README.md"]
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def two_releases(folder):
    old, new = folder / "release", folder / "building"
    for path, text in ((old, "old"), (new, "new")):
        path.mkdir()
        (path / "README.md").write_text(text)
    return old, new


SWAP_KILLED_AFTER = """
import os, signal, sys
from pathlib import Path
from openreason_dagster.domain.release.export import swap_in
left = {allowed}

def kill(event, arguments):
    global left
    if event in ("os.rename", "shutil.rmtree", "os.rmdir", "os.remove"):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

sys.addaudithook(kill)
swap_in(Path({new!r}), Path({old!r}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="swaps in one step on Linux only")
@pytest.mark.parametrize("allowed", range(5))
def test_swap_in_killed_at_any_step_leaves_a_release(tmp_path, allowed):
    old, new = two_releases(tmp_path)
    code = SWAP_KILLED_AFTER.format(allowed=allowed, new=str(new), old=str(old))
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (old / "README.md").read_text() in ("old", "new")


def test_swap_in_where_the_system_cannot_exchange(tmp_path):
    old, new = two_releases(tmp_path)
    (tmp_path / ".release.retired").mkdir()
    _move_aside(new, old)
    assert (old / "README.md").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_swap_in_the_first_release(tmp_path):
    old, new = two_releases(tmp_path)
    shutil.rmtree(old)
    swap_in(new, old)
    assert (old / "README.md").read_text() == "new"


def test_swap_in_names_both_folders_when_it_fails(tmp_path):
    old, _ = two_releases(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        swap_in(tmp_path / "nowhere", old)
    assert (old / "README.md").read_text() == "old"


@pytest.fixture
def release(tmp_path):
    shards = write_shards(tmp_path / "release", batches(3), rows_per_shard=2)
    manifest = {"shards": [{"split": s.split, "path": s.path, "sha256": s.sha256} for s in shards]}
    (tmp_path / "release" / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path / "release"


def mix(*traces, split="train"):
    return pl.LazyFrame({"trace_id": list(traces), "split": [split] * len(traces)})


def test_release_that_holds_the_mix_has_no_differences(release):
    assert release_differences(release, mix("t0", "t1", "t2")) == []


@pytest.mark.parametrize(
    ("rows", "fragment"),
    [
        pytest.param(mix("t0", "t1", "t2", "t3"), "1 rows of the mix are missing", id="row-missing"),
        pytest.param(mix("t0", "t1"), "1 rows are unknown", id="row-unknown"),
        pytest.param(mix("t0", "t1", "t2", split="validation"), "3 rows of the mix are missing", id="other-split"),
    ],
)
def test_release_that_differs_from_the_mix_is_found(release, rows, fragment):
    assert fragment in release_differences(release, rows)[0]


def test_release_with_a_changed_file_is_found(release):
    path = release / "data" / "train-00000-of-00002.parquet"
    pl.DataFrame({"trace_id": ["other"]}).write_parquet(path)
    assert "the manifest says" in release_differences(release, mix("t0", "t1", "t2"))[0]
    path.unlink()
    assert "is missing" in release_differences(release, mix("t0", "t1", "t2"))[0]


def test_release_without_manifest_is_refused(tmp_path):
    with pytest.raises(ReleaseError, match=r"manifest\.json"):
        release_differences(tmp_path, mix("t0"))
