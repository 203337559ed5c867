"""What is read from a model's files without loading its weights."""

import json

import pytest

from openreason_dagster.domain.catalogue_entry import RayModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.text_limits import read_text_limits
from tests.tiny_model import POSITIONS, save_tiny_model

END_ID = 0


@pytest.fixture
def folder(tmp_path):
    return save_tiny_model(tmp_path / "tiny")


def limits_of(folder, **changes):
    values = {"name": "tiny", "revision": "1", "license": "x", "engine": "ray", "path": f"./{folder.name}"}
    return read_text_limits(RayModel.from_values(values | changes, path=None), folder.parent)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, POSITIONS, id="of-the-weights"),
        pytest.param({"maximum_length": 50}, 50, id="of-the-entry"),
        pytest.param({"maximum_length": 50, "options": {"max_model_len": 40}}, 40, id="options-win"),
        pytest.param({"options": {"max_model_len": -1}}, POSITIONS, id="an-option-that-leaves-it-open"),
    ],
)
def test_how_long_a_text_may_be(folder, changes, expected):
    assert limits_of(folder, **changes).positions == expected


def test_what_ends_a_text(folder):
    assert limits_of(folder).end_ids == {END_ID}


def test_files_that_are_missing(folder):
    (folder / "config.json").unlink()
    with pytest.raises(EngineError, match="cannot be read"):
        limits_of(folder)


def test_a_configuration_that_says_nothing_of_it(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "bloom", "eos_token_id": END_ID}))
    with pytest.raises(EngineError, match="Set `maximum_length`"):
        limits_of(folder)
