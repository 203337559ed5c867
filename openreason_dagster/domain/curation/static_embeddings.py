"""Texts as vectors by a static model (model2vec): the mean of its words' vectors, read from a table."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.errors import PoolError
from openreason_dagster.domain.recipe_pool import SemanticDuplicates

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
    if find_spec("model2vec") is None:
        raise PoolError(
            "the recipe has `pool.semantic_duplicates`, but the package model2vec is not installed. Install the "
            "extra: pip install 'openreason-dagster[semantic]', or remove the key."
        )
    from model2vec import StaticModel

    try:
        model = StaticModel.from_pretrained(_model_folder(rules, folder))
    except Exception as error:  # the package tokenizers raises nothing narrower for a broken file
        raise PoolError(
            f"recipe key `pool.semantic_duplicates.model`: {rules.model!r} at revision {rules.revision!r} cannot be "
            f"loaded ({type(error).__name__}: {error}), expected a model2vec model: config.json, model.safetensors "
            "and tokenizer.json. Correct `model` or `revision`, or check the connection."
        ) from error
    return lambda texts: _unit_vectors(model, texts)


def _model_folder(rules: SemanticDuplicates, folder: Path) -> Path:
    """The folder itself, or that of the hub's cache; what is there already is not fetched again."""
    if not rules.is_local:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(rules.model, revision=rules.revision, allow_patterns=list(_FILES)))
    path = folder / rules.model
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is no folder")
    return path


def _unit_vectors(model: "StaticModel", texts: Sequence[str]) -> "NDArray[np.float32]":
    import numpy as np

    vectors = model.encode(texts, max_length=None, use_multiprocessing=False).astype(np.float32)
    vectors[_has_unknown(model, texts)] = 0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny))


def _has_unknown(model: "StaticModel", texts: Sequence[str]) -> "NDArray[np.bool_]":
    import numpy as np

    model.tokenizer.no_truncation()
    tokens = model.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return np.array([model.unk_token_id in found.ids for found in tokens], dtype=np.bool_)
