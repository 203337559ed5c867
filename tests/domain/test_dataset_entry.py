"""Catalogue entries of imported traces: where the data is, and how its rows are read."""

import re
from pathlib import Path

import pytest
import yaml

from openreason_dagster.domain.catalogue import load_model
from openreason_dagster.domain.catalogue_entry import DatasetModel
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.recipe_sources import HubSource

COMMIT = "e4e141ec9dea9f8326f4d347be56105859b2bd68"
COLUMNS = {"prompt": "q", "completions": "a"}
HUB = {"repository": "open-r1/OpenR1-Math-220k", "split": "train", "layout": "openr1_math", "revision": COMMIT}


def load(folder: Path, **values: object) -> DatasetModel:
    entry = {"name": "m", "engine": "dataset", "revision": "1", "license": "Apache-2.0"} | values
    (folder / "m.yaml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    model = load_model(folder, "m", variables={})
    assert isinstance(model, DatasetModel)
    return model


def test_a_file_with_columns(tmp_path):
    (tmp_path / "t.jsonl").touch()
    model = load(tmp_path, path="t.jsonl", columns=COLUMNS)
    assert (model.layout, model.hub) == ("columns", None)


def test_a_repository_is_taken_at_its_revision(tmp_path):
    hub = load(tmp_path, **HUB, config="default").hub
    assert hub is not None
    assert (hub.repository, hub.config, hub.split, hub.revision) == (HUB["repository"], "default", "train", COMMIT)


def test_a_local_repository_needs_no_commit(tmp_path):
    (tmp_path / "set").mkdir()
    hub = load(tmp_path, repository="./set", split="train", layout="messages").hub
    assert hub is not None
    assert hub.revision is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"columns": COLUMNS}, "not both", id="no-place"),
        pytest.param(HUB | {"path": "t.jsonl"}, "not both", id="two-places"),
        pytest.param({"path": "t.jsonl", "columns": COLUMNS, "split": "train"}, "remove them", id="split-of-a-file"),
        pytest.param(
            {"path": "t.jsonl", "columns": COLUMNS, "config": "default"}, "remove them", id="config-of-a-file"
        ),
        pytest.param(HUB | {"split": None}, "needs `split`", id="no-split"),
        pytest.param(HUB | {"revision": "main"}, "found 'main'; a branch or tag can move", id="branch"),
        pytest.param({"path": "t.jsonl"}, "`columns` is needed", id="no-columns"),
        pytest.param(HUB | {"columns": COLUMNS}, "by no other", id="columns-of-a-layout"),
        pytest.param(HUB | {"layout": "openr1"}, "key `layout`: found 'openr1'", id="unknown-layout"),
        pytest.param({"path": "absent.jsonl", "columns": COLUMNS}, "key `path` names 'absent.jsonl'", id="no-file"),
        pytest.param(HUB | {"repository": "./absent"}, "key `repository` names './absent'", id="no-folder"),
        pytest.param(HUB | {"limit": 0}, "key `limit`", id="no-rows"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, values, message):
    (tmp_path / "t.jsonl").touch()
    with pytest.raises(RecipeError, match=message):
        load(tmp_path, **values)


def test_the_entries_of_the_guide_are_accepted():
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "imported-traces.md"
    blocks = re.findall(r"```yaml\n(.*?)```", guide.read_text(encoding="utf-8"), flags=re.DOTALL)
    parsed = [yaml.safe_load(block.replace("<commit>", COMMIT)) for block in blocks]
    entries = [values for values in parsed if "engine" in values]
    recipes = [values for values in parsed if "sources" in values]
    assert len(entries) + len(recipes) == len(blocks)
    for values in entries:
        DatasetModel.from_values(values, path=guide)
    for values in recipes:
        HubSource.model_validate(values["sources"][0])
