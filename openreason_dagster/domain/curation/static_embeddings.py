"""Texts as vectors by a static model (model2vec): the mean of its words' vectors, read from a table."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.errors import PoolError
from openreason_dagster.domain.recipe_pool import SemanticDuplicates, StaticVectors, Topics

if TYPE_CHECKING:
    import numpy as np
    from model2vec import StaticModel
    from numpy.typing import NDArray

_FILES = ("config*.json", "modules.json", "*model.safetensors", "*tokenizer.json")
Embed = Callable[[Sequence[str]], "NDArray[np.float32]"]


def load_embedding(rules: SemanticDuplicates, folder: Path) -> Embed:
    """The function that gives one row per text: a vector of length 1, or of zeros where nothing can be told.

    That is so for a text without tokens, and for one with a token that the model does not know: it may be the very word
    by which two questions differ. Texts are taken whole, however long. Relative paths start from `folder`. Only
    safetensors and JSON are read.

    Raises:
        PoolError: the package is not installed, or the model is missing, cannot be fetched or read.
    """
    model = _load(rules, folder, key="pool.semantic_duplicates")
    return lambda texts: _unit_vectors(_where_all_is_known(model, texts))


def load_topic_embedding(rules: Topics, folder: Path) -> Embed:
    """As `load_embedding`, but tokens that the model does not know are passed over: the others tell what it is about.

    Raises:
        PoolError: as there, or the package that groups the vectors is not installed.
    """
    _require_package("sklearn", "pool.topics")
    model = _load(rules, folder, key="pool.topics")
    return lambda texts: _unit_vectors(_means(model, texts))


def _load(rules: StaticVectors, folder: Path, *, key: str) -> "StaticModel":
    _require_package("model2vec", key)
    from model2vec import StaticModel

    try:
        return StaticModel.from_pretrained(_model_folder(rules, folder))
    except Exception as error:  # the package tokenizers raises nothing narrower for a broken file
        raise PoolError(
            f"recipe key `{key}.model`: {rules.model!r} at revision {rules.revision!r} cannot be loaded "
            f"({type(error).__name__}: {error}), expected a model2vec model: config.json, model.safetensors and "
            "tokenizer.json. Correct `model` or `revision`, or check the connection."
        ) from error


def _require_package(name: str, key: str) -> None:
    if find_spec(name) is None:
        raise PoolError(
            f"the recipe has `{key}`, but the package {name} is not installed. Install the extra: pip install "
            "'openreason-dagster[semantic]', or remove the key."
        )


def _model_folder(rules: StaticVectors, folder: Path) -> Path:
    """The folder itself, or that of the hub's cache; what is there already is not fetched again."""
    if not rules.is_local:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(rules.model, revision=rules.revision, allow_patterns=list(_FILES)))
    path = folder / rules.model
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is no folder")
    return path


def _unit_vectors(vectors: "NDArray[np.float32]") -> "NDArray[np.float32]":
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny))


def _where_all_is_known(model: "StaticModel", texts: Sequence[str]) -> "NDArray[np.float32]":
    vectors = _means(model, texts)
    vectors[_has_unknown(model, texts)] = 0
    return vectors


def _means(model: "StaticModel", texts: Sequence[str]) -> "NDArray[np.float32]":
    import numpy as np

    return np.asarray(model.encode(texts, max_length=None, use_multiprocessing=False), dtype=np.float32)


def _has_unknown(model: "StaticModel", texts: Sequence[str]) -> "NDArray[np.bool_]":
    import numpy as np

    model.tokenizer.no_truncation()
    tokens = model.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return np.array([model.unk_token_id in found.ids for found in tokens], dtype=np.bool_)
