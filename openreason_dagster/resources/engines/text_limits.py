"""How long a model's text may be and what ends it, read without loading its weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.catalogue_entry import RayModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.load_weights import weights_source

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


@dataclass(frozen=True, kw_only=True)
class TextLimits:
    """Of one catalogue model."""

    positions: int
    """Tokens that prompt and completion may have together."""
    end_ids: frozenset[int]
    """Tokens that end a completion."""


def read_text_limits(model: RayModel, folder: Path) -> TextLimits:
    """From config.json, generation_config.json and the tokenizer, as vLLM reads them; `folder` is the catalogue's.

    Raises:
        EngineError: the files are missing, or do not say how long a text may be.
    """
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    source, revision = weights_source(model, folder)
    try:
        config = AutoConfig.from_pretrained(source, revision=revision)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
    except (OSError, ValueError, KeyError) as error:
        raise EngineError(
            f"model {model.name!r}: cannot be read from {model.path!r} ({error}). The folder or hub repository must "
            "hold config.json and a tokenizer."
        ) from error
    try:
        generation = GenerationConfig.from_pretrained(source, revision=revision)
    except OSError:  # the file is optional
        generation = GenerationConfig.from_model_config(config)
    declared = generation.eos_token_id
    ids = {*(declared if isinstance(declared, list) else [declared]), tokenizer.eos_token_id} - {None}
    return TextLimits(positions=_positions(model, config), end_ids=frozenset(ids))


def _positions(model: RayModel, config: "PreTrainedConfig") -> int:
    """What the entry says, where its options win as they do for vLLM; else what the weights' configuration says.

    Raises:
        EngineError: neither says it.
    """
    stated = model.options.get("max_model_len")
    if isinstance(stated, int) and stated > 0:
        return stated
    if model.maximum_length is not None:
        return model.maximum_length
    positions: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    if positions is None:
        raise EngineError(
            f"model {model.name!r}: its config.json has no `max_position_embeddings`, the tokens that prompt and "
            "completion may have together. Set `maximum_length` in its catalogue file."
        )
    return positions
