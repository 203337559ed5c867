"""A static model is read from a folder or from the hub's cache, and whatever is wrong with it is said."""

import json
import shutil
import sys
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
from model2vec import StaticModel
from static_model import write_static_model

from openreason_dagster.domain.curation.static_embeddings import load_embedding, load_topic_embedding
from openreason_dagster.domain.errors import PoolError
from openreason_dagster.domain.recipe_pool import SemanticDuplicates, Topics

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WORDS = ["the big house near the river", "a small boat on the lake"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_static_model(tmp_path_factory.mktemp("saved"), WORDS)


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def test_vectors_have_length_one_or_none_at_all(model: Path) -> None:
    vectors = load_embedding(SemanticDuplicates(model="./model"), model.parent)([*WORDS, "", "Zzyzx blorf the"])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 1, 0, 0])


def test_for_topics_unknown_tokens_are_passed_over(model: Path) -> None:
    embed = load_topic_embedding(Topics(model="./model"), model.parent)
    known, partly, unknown = embed(["the boat", "Zzyzx the boat", "Zzyzx blorf"])
    assert known.tolist() == partly.tolist()
    assert not unknown.any()


def test_words_far_behind_count_as_well(model: Path) -> None:
    embed = load_embedding(SemanticDuplicates(model=str(model)), Path())
    start = "the big house near the river " * 200
    first, second = embed([start + "small " * 900, start + "boat " * 900])
    assert first @ second < 0.8


def test_models_of_half_precision_give_the_same(model: Path) -> None:
    whole = load_embedding(SemanticDuplicates(model=str(model)), Path())(WORDS)
    StaticModel.from_pretrained(model, quantize_to="float16").save_pretrained(model)
    half = load_embedding(SemanticDuplicates(model=str(model)), Path())(WORDS)
    assert half.dtype == np.float32
    assert np.abs(whole - half).max() < 1e-3


def test_a_revision_in_the_cache_is_used(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    shutil.copytree(model, tmp_path / "cache" / "models--owner--name" / "snapshots" / COMMIT)
    embed = load_embedding(SemanticDuplicates(model="owner/name", revision=COMMIT), Path())
    assert embed(WORDS).shape == (2, 64)
    with pytest.raises(PoolError, match=r"'owner/name' at revision 'f{40}' cannot be loaded .* check the connection"):
        load_embedding(SemanticDuplicates(model="owner/name", revision="f" * 40), Path())


def without(name: str, folder: Path) -> None:
    (folder / name).unlink()


def broken(name: str, folder: Path) -> None:
    (folder / name).write_text("{", encoding="utf-8")


def fewer_vectors(name: str, folder: Path) -> None:
    tokenizer = json.loads((folder / name).read_text(encoding="utf-8"))
    tokenizer["model"]["vocab"]["more"] = len(tokenizer["model"]["vocab"])
    (folder / name).write_text(json.dumps(tokenizer), encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "name", "said"),
    [
        pytest.param(without, "model.safetensors", "ValueError", id="no-weights"),
        pytest.param(without, "tokenizer.json", "ValueError", id="no-tokenizer"),
        pytest.param(broken, "model.safetensors", "SafetensorError", id="weights-cut-off"),
        pytest.param(broken, "config.json", "JSONDecodeError", id="config-cut-off"),
        pytest.param(broken, "tokenizer.json", "EOF", id="tokenizer-cut-off"),
        pytest.param(fewer_vectors, "tokenizer.json", "does not match number of vectors", id="a-word-without-vector"),
    ],
)
def test_a_broken_model_is_named(harm, name: str, said: str, model: Path) -> None:
    harm(name, model)
    with pytest.raises(PoolError, match=rf"`pool.semantic_duplicates.model`: '.*/model' .*{said}.*Correct `model`"):
        load_embedding(SemanticDuplicates(model=str(model)), Path())
    with pytest.raises(PoolError, match=rf"`pool.topics.model`: .*{said}"):
        load_topic_embedding(Topics(model=str(model)), Path())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"'\./absent' .*/absent is no folder"):
        load_embedding(SemanticDuplicates(model="./absent"), tmp_path)


@pytest.mark.parametrize(
    ("load", "rules", "package"),
    [
        pytest.param(load_embedding, SemanticDuplicates(model="./model"), "model2vec", id="duplicates"),
        pytest.param(load_topic_embedding, Topics(model="./model"), "model2vec", id="topics"),
        pytest.param(load_topic_embedding, Topics(model="./model"), "sklearn", id="grouping-topics"),
    ],
)
def test_without_the_package_the_extra_is_named(load, rules, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PoolError, match=rf"{package} is not installed.*'openreason-dagster\[semantic\]'"):
        load(rules, Path())
