"""The swap leaves no half release, and differences from the mix are found."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict

import polars as pl
import pytest

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.release.export import _move_aside, described_shard, swap_in
from openreason_dagster.domain.release.released_rows import release_differences


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
    folder = tmp_path / "release"
    (folder / "data").mkdir(parents=True)
    shards = []
    for number, traces in enumerate((["t0", "t1"], ["t2"])):
        path = folder / "data" / f"train-{number:05d}-of-00002.parquet"
        pl.DataFrame({"trace_id": traces}).write_parquet(path)
        shards.append(described_shard(folder, path, split="train", rows=len(traces)))
    (folder / "manifest.json").write_text(json.dumps({"shards": [asdict(shard) for shard in shards]}))
    return folder


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
