"""`openreason publish` against a real HTTP server: what arrives, who sees it, what is sent again or refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from command_line import variables
from finished_run import FINISHED
from hub_server import OWNER_TOKEN, READER_TOKEN, hub_server

from openreason_dagster.domain.provenance import file_hash
from openreason_dagster.domain.release.manifest import read_manifest, released_versions
from openreason_dagster.domain.release.row_hashes import rows_hash

pytestmark = pytest.mark.slow
REPOSITORY = "me/small"
COMMAND = [sys.executable, "-c", "from openreason_dagster.cli import main; main()", "publish"]


def environment(workspace, server, token):
    told = os.environ | variables(workspace) | {
        "HF_ENDPOINT": server.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(workspace.folder / "no-stored-token"),
    }  # fmt: skip
    told.pop("HF_TOKEN", None)
    return told | ({} if token is None else {"HF_TOKEN": token})


def publish(workspace, server, *arguments, token=OWNER_TOKEN):
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment(workspace, server, token),
    )


def to(repository=REPOSITORY, visibility="private"):
    return ("--repository", repository, "--visibility", visibility)


def in_shards(workspace, rows):
    """Cut the release into shards of so many rows, as the asset would have written them; returns what is uploaded."""
    folder = workspace.workspace.release_folder
    manifest = read_manifest(folder / "manifest.json")
    frames = {split: [] for split in ("train", "validation")}
    for shard in manifest["shards"]:
        frames[shard["split"]].append(pl.read_parquet(folder / shard["path"]))
        (folder / shard["path"]).unlink()
    manifest["shards"] = [
        written_shard(folder, f"data/{split}-{number:05d}.parquet", frame, split)
        for split, parts in frames.items()
        for number, frame in enumerate(pl.concat(parts).iter_slices(rows))
    ]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    files = [*manifest["shards"], *manifest["configurations"]]
    return [file["path"] for file in files if file["path"].endswith(".parquet")]  # JSON lines go with the commit


def written_shard(folder, path, frame, split):
    frame.write_parquet(folder / path)
    found = folder / path
    return {
        "split": split, "path": path, "rows": frame.height, "bytes": found.stat().st_size,
        "sha256": file_hash(found), "rows_sha256": rows_hash(found),
    }  # fmt: skip


def release_files(workspace):
    folder = workspace.workspace.release_folder
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_release_arrives_whole_private_and_alone(finished, tmp_path):
    expected = release_files(finished)
    (finished.workspace.release_folder / "notes.txt").write_text("not of the release")
    (finished.workspace.release_folder / "data" / "secret.parquet").write_text("neither")
    with hub_server(tmp_path / "hub") as server:
        result = publish(finished, server, str(finished.workspace.release_folder), *to())
        assert result.returncode == 0, result.stderr
        assert server.files(REPOSITORY) == expected
        assert server.is_private(REPOSITORY)
    assert f"{server.url}/datasets/{REPOSITORY}" in result.stdout
    assert OWNER_TOKEN not in result.stdout + result.stderr


def test_what_was_published_keeps_its_table_versions(finished, tmp_path):
    with hub_server(tmp_path / "hub") as server:
        assert publish(finished, server, *to()).returncode == 0
    manifest = read_manifest(finished.workspace.release_folder / "manifest.json")
    kept = released_versions(finished.settings.root / "published")
    assert kept == {name: {number} for name, number in manifest["table_versions"].items()}


def test_recipe_says_where_and_public_is_opened_last(finished, tmp_path):
    finished.write_recipe(**FINISHED | {"release": {"license": "MIT", "repository": REPOSITORY}})
    with hub_server(tmp_path / "hub") as server:
        result = publish(finished, server, str(finished.settings.recipe), "--visibility", "public")
        assert result.returncode == 0, result.stderr
        assert not server.is_private(REPOSITORY)
        log = (server.folder / "requests.log").read_text().splitlines()
    assert log[-1] == "PUT settings"


def test_new_release_replaces_the_old_one(finished, tmp_path):
    with hub_server(tmp_path / "hub") as server:
        assert publish(finished, server, *to()).returncode == 0
        before = set(server.files(REPOSITORY))
        in_shards(finished, 3)
        assert publish(finished, server, *to()).returncode == 0
        assert server.files(REPOSITORY) == release_files(finished)
    assert before - set(release_files(finished)), "files of the old release were there"


def test_connection_broken_in_the_middle_is_made_again(finished, tmp_path):
    in_shards(finished, 3)
    with hub_server(tmp_path / "hub", break_upload=2) as server:
        result = publish(finished, server, *to())
        assert result.returncode == 0, result.stderr
        assert server.files(REPOSITORY) == release_files(finished)


def test_killed_upload_goes_on_and_sends_nothing_twice(finished, tmp_path):
    paths = in_shards(finished, 3)
    with hub_server(tmp_path / "hub", stall_upload=len(paths)) as server:
        process = subprocess.Popen([*COMMAND, *to()], env=environment(finished, server, OWNER_TOKEN))
        wait_until(lambda: server.requests("STALLED") and len(server.requests("PUT")) == len(paths) - 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        arrived = set(server.requests("PUT"))
        result = publish(finished, server, *to())
        assert result.returncode == 0, result.stderr
        sent = server.requests("PUT")
        assert server.files(REPOSITORY) == release_files(finished)
    assert len(sent) == len(set(sent)) == len(paths)
    assert len(arrived) == len(paths) - 1


def wait_until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("token", "repository", "message"),
    [
        pytest.param(None, REPOSITORY, "HF_TOKEN is not set", id="no-token"),
        pytest.param("hf_wrong", REPOSITORY, "does not know the token", id="unknown-token"),
        pytest.param(READER_TOKEN, REPOSITORY, "may not write there", id="token-that-only-reads"),
        pytest.param(OWNER_TOKEN, "others/small", "may not write there", id="namespace-of-others"),
        pytest.param(OWNER_TOKEN, "a/b/c", "is no name of a repository", id="no-name"),
    ],
)
def test_refusals_say_what_to_do(finished, tmp_path, token, repository, message):
    with hub_server(tmp_path / "hub") as server:
        result = publish(finished, server, *to(repository), token=token)
        assert not server.requests("PUT")
    assert result.returncode == 1
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert not token or token not in result.stderr


def test_public_repository_is_not_filled_with_a_private_release(finished, tmp_path):
    with hub_server(tmp_path / "hub") as server:
        assert publish(finished, server, *to(visibility="public")).returncode == 0
        (server.folder / "requests.log").unlink()
        result = publish(finished, server, *to())
        assert not server.requests("POST")
    assert result.returncode == 1
    assert "exists and is public" in " ".join(result.stderr.split())


def damage(folder: Path):
    next((folder / "data").iterdir()).write_bytes(b"other")


@pytest.mark.parametrize(
    ("happen", "arguments", "message"),
    [
        pytest.param(damage, to(), "the manifest says", id="damaged-file"),
        pytest.param(lambda folder: (folder / "README.md").unlink(), to(), "README.md is missing", id="no-card"),
        pytest.param(lambda folder: (folder / "manifest.json").unlink(), to(), "cannot be read", id="no-manifest"),
        pytest.param(lambda folder: folder.rename(folder.parent / "gone"), to(), "has no release yet", id="no-release"),
        pytest.param(lambda _folder: None, (), "does not say where", id="no-repository"),
    ],
)
def test_release_that_is_not_sound_stays(finished, tmp_path, happen, arguments, message):
    happen(finished.workspace.release_folder)
    with hub_server(tmp_path / "hub") as server:
        result = publish(finished, server, *arguments)
        assert not (server.folder / "requests.log").exists()
    assert result.returncode == 1
    assert message in " ".join(result.stderr.split())


def test_server_that_does_not_answer_is_said(finished, tmp_path):
    with hub_server(tmp_path / "hub") as server:
        pass
    result = publish(finished, server, *to())
    assert result.returncode == 1
    assert "goes on where it stopped" in " ".join(result.stderr.split())
