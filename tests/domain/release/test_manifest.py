"""The versions that releases need are read from their manifests, and a manifest nobody can read stops the deletion."""

import json

import pytest

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.release.manifest import catalogue_record, released_versions


def write(folder, name, content):
    (folder / name).mkdir()
    (folder / name / "manifest.json").write_text(content)


def test_versions_of_all_releases_are_joined(tmp_path):
    write(tmp_path, "one", json.dumps({"table_versions": {"sft_mix": 3, "prompt_pool": 1}}))
    write(tmp_path, "two", json.dumps({"table_versions": {"sft_mix": 5}}))
    write(tmp_path, ".three.building", "{")
    (tmp_path / "empty").mkdir()
    assert released_versions(tmp_path) == {"sft_mix": {3, 5}, "prompt_pool": {1}}
    assert released_versions(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{", id="not-json"),
        pytest.param("{}", id="no-versions"),
        pytest.param("[]", id="a-list"),
        pytest.param('{"table_versions": [3]}', id="versions-without-tables"),
        pytest.param('{"table_versions": {"sft_mix": null}}', id="null"),
        pytest.param('{"table_versions": {"sft_mix": "last"}}', id="not-a-number"),
    ],
)
def test_manifest_that_cannot_be_read_is_named(tmp_path, content):
    write(tmp_path, "one", content)
    with pytest.raises(ReleaseError, match=r"one/manifest\.json.*table_versions"):
        released_versions(tmp_path)


@pytest.mark.parametrize(
    ("written", "recorded"),
    [
        pytest.param("api_key: sk-secret", {"api_key": "not recorded"}, id="key"),
        pytest.param("api_key: ${KEY:-sk-secret}", {"api_key": "not recorded"}, id="key-as-a-default"),
        pytest.param("api_key: ${KEY}", {"api_key": "${KEY}"}, id="variable"),
        pytest.param("base_url: http://me:pass@10.0.0.5/v1", {"base_url": "not recorded"}, id="address"),
        pytest.param("base_url: [http://a/v1, http://b/v1]", {"base_url": "not recorded"}, id="addresses"),
        pytest.param("served_model: m", {"served_model": "m"}, id="nothing-private"),
    ],
)
def test_catalogue_is_recorded_without_secrets(tmp_path, written, recorded):
    (tmp_path / "m.yaml").write_text(f"name: m\n{written}\n")
    assert catalogue_record(tmp_path / "m.yaml") == {"name": "m"} | recorded
