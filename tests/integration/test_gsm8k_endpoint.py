"""The shipped recipe for GSM8K against a real server, with its rows taken from a local folder in the hub's layout."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml
from chat_server import ChatServer
from command_line import call, words
from small_workspace import STARTER_MODELS, SmallWorkspace

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
HUB_FOLDER = CHECKOUT / "tests" / "data" / "hub_gsm8k"
KEY = "sk-very-secret"
PROMPTS = 2
MACHINE_FAILURES = {"error", "timeout", "bad_reference"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ChatServer(STARTER_MODELS / "starter-base", tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def gsm8k(tmp_path, server, monkeypatch):
    """A workspace with the shipped endpoint in its catalogue; `use_rows` writes the recipe."""
    workspace = SmallWorkspace(tmp_path)
    workspace.settings.catalogue.mkdir()
    shutil.copy(CHECKOUT / "catalogue" / "endpoint.yaml", workspace.settings.catalogue)
    monkeypatch.setenv("OPENREASON_ENDPOINT_URL", server.base_url)
    monkeypatch.setenv("OPENREASON_ENDPOINT_MODEL", server.model)
    monkeypatch.setenv("OPENREASON_ENDPOINT_KEY", KEY)
    return workspace


def use_rows(workspace, folder, **sampling):
    """The shipped recipe with another place for its rows, few of them, and short answers."""
    recipe = yaml.safe_load((CHECKOUT / "recipes" / "gsm8k.yaml").read_text(encoding="utf-8"))
    for entry in (*recipe["sources"], *recipe["benchmarks"]):
        entry |= {"repository": str(folder), "revision": None}
    recipe["sources"][0]["limit"] = PROMPTS
    recipe["sampling"] |= {"max_tokens": 120} | sampling
    workspace.settings.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")


def test_real_questions_are_sampled_verified_and_scored(gsm8k, instance):
    use_rows(gsm8k, HUB_FOLDER)
    gsm8k.collect(instance)
    assert gsm8k.sample("endpoint", instance).success

    sampled = gsm8k.tables.scan("sampled_traces").collect()
    assert sampled.height == PROMPTS * 4 * 2
    assert sampled.group_by("temperature").len().sort("temperature").rows() == [("0.6", 8), ("1.0", 8)]
    assert sampled.group_by("prompt_id").len()["len"].to_list() == [8] * PROMPTS
    assert set(sampled["think_state"]) <= {"opened_by_template", "absent", "unclosed"}
    assert "opened_by_template" in set(sampled["think_state"])
    assert sampled["completion_tokens"].is_between(1, 120).all()
    assert sampled["answer"].n_unique() > 1
    assert json.loads(sampled["environment"][0])["engine"] == "openai"
    assert not any(KEY in str(row) for row in sampled.iter_rows())
    assert gsm8k.tables.scan("sampling_failures").collect().is_empty()

    verdicts = gsm8k.tables.scan("verified_traces").collect()
    assert sorted(verdicts["trace_id"]) == sorted(sampled["trace_id"])
    assert not MACHINE_FAILURES & set(verdicts["verdict"])
    assert set(verdicts["reference_answer"]) == set(gsm8k.tables.scan("prompt_pool").collect()["reference_answer"])
    assert gsm8k.tables.scan("scored_traces").collect().height == sampled.height


def write_hub_folder(folder, split_rows):
    """A folder in the hub's layout with the columns of GSM8K."""
    for split, rows in split_rows.items():
        path = folder / "main" / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        answers = [f"Adding gives {total}.\n#### {total}" for _, total in rows]
        pl.DataFrame({"question": [question for question, _ in rows], "answer": answers}).write_parquet(path)
    shutil.copy(HUB_FOLDER / "README.md", folder)
    small = folder / "small" / "train-00000-of-00001.parquet"
    small.parent.mkdir()
    shutil.copy(folder / "main" / "train-00000-of-00001.parquet", small)


def test_questions_within_the_models_reach_become_a_release(gsm8k, tmp_path):
    train = [(f"What is {a} + {b}?", a + b) for a, b in ((61, 25), (12, 34))]
    write_hub_folder(tmp_path / "hub", {"train": train, "test": [("What is 70 + 11?", 81)]})
    use_rows(gsm8k, tmp_path / "hub", template="plain")  # the tiny model knows no other way to be asked

    first = call(gsm8k, "run", str(gsm8k.settings.recipe))
    assert first.returncode == 0, first.stderr
    assert "16 traces were sampled in this run." in words(first.stdout)
    mix = gsm8k.tables.scan("sft_mix").collect()
    assert mix.height > 0
    assert set(mix["license"]) == {"MIT"}
    release = gsm8k.workspace.release_folder
    assert "endpoint" in (release / "README.md").read_text(encoding="utf-8")
    assert KEY not in "".join(path.read_text(encoding="utf-8") for path in release.glob("*.*"))

    again = call(gsm8k, "run", str(gsm8k.settings.recipe))
    assert again.returncode == 0, again.stderr
    assert "Nothing was sampled again" in words(again.stdout)
    assert gsm8k.tables.scan("sft_mix").sort("trace_id").collect().equals(mix.sort("trace_id"))
