"""How long a model's text may be and what ends it, read without loading its weights."""

from dataclasses import dataclass
from pathlib import Path

from openreason_dagster.domain.catalogue_entry import RayModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.load_weights import weights_source


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
        EngineError: the files are missing.
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
    positions = model.maximum_length or config.get_text_config().max_position_embeddings
    return TextLimits(positions=positions, end_ids=frozenset(ids))
