"""A release is built again with equal rows from its manifest alone; whatever differs is named, and why."""

import json

import polars as pl
import pytest
from command_line import invoke, words
from finished_run import FINISHED
from small_workspace import RECIPE, STARTER_MODELS, starter_entry

from openreason_dagster.domain.release.manifest import read_manifest


def manifest_of(workspace):
    return workspace.workspace.release_folder / "manifest.json"


def edit_manifest(workspace, change):
    content = read_manifest(manifest_of(workspace))
    change(content)
    manifest_of(workspace).write_text(json.dumps(content), encoding="utf-8")


def left_behind(workspace):
    return [path.name for path in (*workspace.settings.root.iterdir(), *workspace.folder.iterdir())
            if path.name.startswith(".reproduce")]  # fmt: skip


def test_release_is_built_again_whatever_has_changed_since(finished, monkeypatch):
    edit_manifest(finished, lambda content: content["recipe"].update(curation={"runner": "ray"}))
    monkeypatch.setenv("OPENREASON_RAY_ADDRESS", "no-such-cluster.invalid:1")
    rows = sum(shard["rows"] for shard in read_manifest(manifest_of(finished))["shards"])
    for name in ("scored_traces", "sft_mix", "reasoning_data"):
        finished.tables.delete(name, "temperature = '0.3'")
    finished.tables.delete("verified_traces", "verdict = 'correct'")
    finished.write_recipe(**FINISHED, temperatures=[1.2], reasoning_data={"traces_per_prompt": 1})
    for name in ("starter-base", "starter-small"):
        (finished.settings.catalogue / f"{name}.yaml").unlink()
    versions = {name: finished.tables.version(name) for name in ("sft_mix", "reasoning_data")}
    result = invoke(finished, "reproduce", str(manifest_of(finished)))
    assert result.exit_code == 0, result.output
    assert f"Equal: all {rows} rows" in words(result.stdout)
    assert "2 of 2 files are the same byte by byte" in words(result.stdout)
    formats = len(read_manifest(manifest_of(finished))["configurations"])
    assert f"All {formats} files of other formats are the same byte by byte" in words(result.stdout)
    assert versions == {name: finished.tables.version(name) for name in versions}, "it writes to no table"
    assert left_behind(finished) == []


def test_rows_that_differ_are_listed_with_what_is_different(finished):
    mix = pl.read_parquet(finished.workspace.release_folder / "data" / "train-*.parquet").sort("trace_id")

    def change(content):
        content["recipe"]["sft_mix"]["rows"] = 11
        content["code"]["hash"] = "0" * 32
        content["packages"]["polars"] = "0.1"

    edit_manifest(finished, change)
    result = invoke(finished, "reproduce", str(manifest_of(finished)))
    assert result.exit_code == 1
    text = words(result.stdout)
    assert "Not equal" in text
    assert "Rows that are missing now (1)" in text
    assert "was changed since (000000000000 →" in text
    assert "package polars:" in text
    assert "it was 0.1" in text
    assert mix.height > 0


def test_without_the_files_the_manifest_alone_proves_equal_rows(finished, tmp_path):
    alone = tmp_path / "alone.json"
    alone.write_text(manifest_of(finished).read_text(encoding="utf-8"), encoding="utf-8")
    assert invoke(finished, "reproduce", str(alone)).exit_code == 0
    content = json.loads(alone.read_text(encoding="utf-8"))
    content["shards"][0]["rows_sha256"] = "0" * 64
    alone.write_text(json.dumps(content), encoding="utf-8")
    result = invoke(finished, "reproduce", str(alone))
    assert result.exit_code == 1
    assert "rows cannot be named" in words(result.stdout)


def test_versions_survive_maintenance_while_a_release_needs_them(finished, instance):
    finished.tables.delete("verified_traces", "temperature = '0.3'")
    for name in ("verified_traces", "sampled_traces"):
        versions = {read_manifest(manifest_of(finished))["table_versions"][name]}
        finished.tables.compact(name)
        finished.tables.vacuum(name, keep_hours=0, keep_versions=versions)
    assert invoke(finished, "reproduce", str(manifest_of(finished))).exit_code == 0
    finished.tables.vacuum("verified_traces", keep_hours=0, keep_versions=set())
    result = invoke(finished, "reproduce", str(manifest_of(finished)))
    assert result.exit_code == 1
    assert "verified_traces at version" in words(result.stderr)
    assert "--from-seeds" in words(result.stderr)
    assert left_behind(finished) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda content: content.pop("shards"), "lacks shards", id="no-shards"),
        pytest.param(lambda content: content["recipe"].update(nonsense=1), "unknown key `nonsense`", id="recipe"),
        pytest.param(lambda content: content["table_versions"].update(sft_mix=99), "sft_mix at version 99", id="table"),
        pytest.param(lambda content: content["catalogue"].clear(), "cannot be built again", id="no-models"),
    ],
)
def test_manifest_that_cannot_be_followed_is_explained(finished, change, message):
    edit_manifest(finished, change)
    result = invoke(finished, "reproduce", str(manifest_of(finished)))
    assert result.exit_code == 1
    assert message in words(result.stderr)
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_same_rows_come_from_the_seeds_again(finished):
    finished.write_recipe(**FINISHED, temperatures=[1.2])
    result = invoke(finished, "reproduce", str(manifest_of(finished)), "--from-seeds")
    assert result.exit_code == 0, result.output
    assert "Equal: all" in words(result.stdout)
    assert left_behind(finished) == []


@pytest.mark.slow
def test_other_weights_are_named(finished):
    finished.write_model(starter_entry("starter-small", "starter-base"))
    result = invoke(finished, "reproduce", str(manifest_of(finished)), "--from-seeds")
    assert result.exit_code == 1
    text = words(result.stdout)
    assert "Rows that are missing now" in text
    assert "sampled with another `weights`" in text
    assert "entry of model starter-small is another" in text
    assert STARTER_MODELS.is_dir()
    assert RECIPE["name"] == "small"
