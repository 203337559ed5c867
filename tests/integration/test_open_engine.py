from pathlib import Path

import pytest

from openreason_dagster.domain.catalogue import load_model
from openreason_dagster.resources.engines.dataset import DatasetEngine
from openreason_dagster.resources.engines.open_engine import open_engine
from openreason_dagster.resources.engines.openai import OpenAIEngine
from openreason_dagster.resources.engines.transformers import TransformersEngine


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("engine: transformers\npath: ./weights\n", TransformersEngine),
        ("engine: openai\nbase_url: http://localhost:1/v1\nserved_model: s\n", OpenAIEngine),
        ("engine: dataset\npath: t.jsonl\ncolumns: {prompt: q, completions: a}\n", DatasetEngine),
    ],
    ids=["transformers", "openai", "dataset"],
)
def test_the_catalogue_file_says_which(tmp_path: Path, settings, expected):
    (tmp_path / "weights").mkdir()
    (tmp_path / "t.jsonl").touch()
    (tmp_path / "m.yaml").write_text(f"name: m\nrevision: '1'\nlicense: x\n{settings}")
    assert type(open_engine(load_model(tmp_path, "m", variables={}), tmp_path)) is expected
