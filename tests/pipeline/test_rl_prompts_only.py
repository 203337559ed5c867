"""A recipe that samples nothing makes RL prompts, as R1-Zero needs them, and a release that holds nothing else."""

import io

import pytest
from rich.console import Console
from small_workspace import SmallWorkspace

from openreason_dagster.commands.run import run_recipe


@pytest.fixture
def finished_without_models(tmp_path):
    workspace = SmallWorkspace(tmp_path)
    workspace.settings.catalogue.mkdir()
    rules = {"unknown_rate": "keep", "template": "r1_zero", "prompt_form": "text"}
    workspace.write_recipe(models=[], rl_prompts=rules, benchmarks=[])
    run_recipe(workspace.settings, Console(file=io.StringIO()))
    return workspace


@pytest.mark.filterwarnings("ignore")  # of libraries that read the release
def test_recipe_without_models_makes_rl_prompts(finished_without_models, tmp_path):
    from datasets import load_dataset

    tables = finished_without_models.tables
    assert tables.scan("sft_mix").collect().is_empty()
    pool = tables.scan("prompt_pool").collect()
    folder = finished_without_models.workspace.release_folder
    data = load_dataset(str(folder), "rl_prompts", cache_dir=str(tmp_path / "cache"))
    rows = [row for split in data.values() for row in split]
    assert len(rows) == pool.height > 0
    assert {row["pass_rate"] for row in rows} == {None}
    assert rows[0]["prompt"].startswith("A conversation between User and Assistant.")
