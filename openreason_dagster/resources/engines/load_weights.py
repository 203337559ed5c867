"""Loading a model's weights and tokenizer with Hugging Face Transformers, and refusing what cannot be decoded here."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.catalogue_entry import TransformersModel, WeightsModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.chat_tokenizer import ChatTokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ATTENTION_LAYERS = {"full_attention", "sliding_attention"}


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model ready to decode."""

    network: "PreTrainedModel"
    """In evaluation mode, on its device."""
    tokenizer: ChatTokenizer
    end_ids: tuple[int, ...]
    """Tokens that end a completion; at least one."""
    positions: int
    """Tokens that prompt and completion may have together."""


def load_weights(model: TransformersModel, folder: Path) -> LoadedModel:
    """Load a catalogue model; `folder` is the catalogue's. Only safetensors are read: a pickle could run code.

    Raises:
        EngineError: weights, tokenizer, chat template or end token are missing, or the architecture does not keep
            keys and values per token.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, revision = weights_source(model, folder)
    dtype = "auto" if model.dtype == "auto" else getattr(torch, model.dtype)
    try:
        with quiet_loading():
            tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
            network, loading = AutoModelForCausalLM.from_pretrained(
                source, revision=revision, dtype=dtype, use_safetensors=True, output_loading_info=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EngineError(
            f"model {model.name!r}: cannot be loaded from {model.path!r} ({error}). The folder or hub repository must "
            "hold config.json, safetensors weights and a tokenizer."
        ) from error
    _check_weights(model, loading)
    _check_architecture(model, network)
    return LoadedModel(
        network=network.to("cuda" if torch.cuda.is_available() else "cpu").eval(),
        tokenizer=ChatTokenizer(tokenizer, model_name=model.name),
        end_ids=_end_ids(model, network, tokenizer),
        positions=network.config.get_text_config().max_position_embeddings,
    )


def load_tokenizer(model: WeightsModel, folder: Path) -> ChatTokenizer:
    """The tokenizer of a catalogue model whose weights are loaded elsewhere; `folder` is the catalogue's.

    Raises:
        EngineError: the tokenizer or its chat template is missing.
    """
    from transformers import AutoTokenizer

    source, revision = weights_source(model, folder)
    try:
        with quiet_loading():
            tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
    except (OSError, ValueError, KeyError) as error:
        raise EngineError(
            f"model {model.name!r}: its tokenizer cannot be loaded from {model.path!r} ({error}). The folder or hub "
            "repository must hold tokenizer.json or the files it is made from."
        ) from error
    return ChatTokenizer(tokenizer, model_name=model.name)


def weights_source(model: WeightsModel, folder: Path) -> tuple[str, str | None]:
    """A local folder, or a hub repository with its revision; `folder` is the catalogue's.

    Raises:
        EngineError: neither is named.
    """
    path = folder / model.path
    if path.is_dir():
        return str(path), None
    if model.path.startswith((".", "/")) or model.path.count("/") != 1:
        raise EngineError(
            f"model {model.name!r}: folder {str(path)!r} does not exist. Correct `path` in its catalogue file: "
            "a folder relative to that file, or a hub repository written owner/name."
        )
    return model.path, model.revision


def _check_weights(model: TransformersModel, loading: Mapping[str, Collection[object]]) -> None:
    """Refuse what the library would fill with random numbers."""
    missing = sorted(map(str, loading["missing_keys"]))
    if missing:
        raise EngineError(
            f"model {model.name!r}: its weights lack {len(missing)} tensors that config.json calls for; the first is "
            f"{missing[0]!r}. Fetch the files again, or correct config.json."
        )


def _check_architecture(model: TransformersModel, network: "PreTrainedModel") -> None:
    layers = set(getattr(network.config.get_text_config(), "layer_types", None) or ATTENTION_LAYERS)
    if not layers <= ATTENTION_LAYERS or getattr(network, "_is_stateful", False):
        raise EngineError(
            f"model {model.name!r}: its layers ({', '.join(sorted(layers))}) keep a state that cannot be batched here. "
            "Serve it with an OpenAI-compatible server and use engine `openai`."
        )


def _end_ids(
    model: TransformersModel, network: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase"
) -> tuple[int, ...]:
    declared = network.generation_config.eos_token_id
    ids = {*(declared if isinstance(declared, list) else [declared]), tokenizer.eos_token_id} - {None}
    if not ids:
        raise EngineError(
            f"model {model.name!r}: neither its generation_config.json nor its tokenizer names an end token, so no "
            "completion would end. Set `eos_token_id` in generation_config.json."
        )
    return tuple(sorted(ids))


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep progress bars of the library off the terminal, which shows our own progress."""
    from transformers.utils import logging

    was_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            logging.enable_progress_bar()
