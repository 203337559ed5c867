"""What was asked for, as a record and as its hash.

Everything that can change a completion belongs here. The environment (server address, key, concurrency, batch size,
library versions, hardware) does not: it is recorded with each trace and never makes one stale.
"""

from collections.abc import Mapping
from pathlib import Path

from openreason_dagster.domain.catalogue_entry import (
    CatalogueModel,
    DatasetModel,
    OpenAIModel,
    RayModel,
    TransformersModel,
    VllmModel,
    WeightsModel,
)
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.provenance import file_hash, folder_hash, stable_hash, tree_hash
from openreason_dagster.domain.recipe_sampling import Sampling


def weights_identity(model: CatalogueModel, folder: Path) -> dict[str, str]:
    """What the model's weights or data are, by content where we can see it and by declared name where we cannot.

    Args:
        model: The catalogue entry.
        folder: The catalogue's folder, to which paths are relative.

    A local model folder gives the SHA-256 of each file (weights, configuration, tokenizer, chat template); a hub
    repository its name, which with the revision pins its files; a server the name it serves the model under.

    Raises:
        EngineError: a local file is missing or cannot be read.
    """
    try:
        match model:
            case WeightsModel():
                path = folder / model.path
                return dict(folder_hash(path)) if path.is_dir() else {"repository": model.path}
            case OpenAIModel():
                return {"served_model": model.served_model}
            case DatasetModel():
                return _data_identity(model, folder)
    except OSError as error:
        raise EngineError(
            f"model {model.name!r}: {error}. Correct `path` or `repository` in its catalogue file."
        ) from error


def _data_identity(model: DatasetModel, folder: Path) -> dict[str, str]:
    """A file or a local repository by its bytes, a repository of the hub by its name; its revision pins the bytes."""
    if model.hub is None:
        return {"sha256": file_hash(folder / f"{model.path}")}
    part = {"config": model.hub.config or "", "split": model.hub.split}
    if model.hub.is_local:
        return {**tree_hash(folder / model.hub.repository), **part}
    return {"repository": model.hub.repository, **part}


def sampling_record(
    model: CatalogueModel,
    sampling: Sampling,
    *,
    temperature: float | None,
    template: str,
    weights: Mapping[str, str],
) -> dict[str, object]:
    """Every part of the fingerprint, as a JSON object.

    Args:
        model: The catalogue entry.
        sampling: The recipe's sampling section; how many samples are taken and how they are committed is left out.
        temperature: Sampling temperature; None where an imported set does not state it.
        template: Text of the prompt template.
        weights: What `weights_identity` found.

    Imported traces depend on nothing but their data and what is taken from it.
    """
    identity: dict[str, object] = {
        "revision": model.revision,
        "weights": dict(weights),
        "temperature": temperature,
    }
    if isinstance(model, DatasetModel):
        columns = None if model.columns is None else model.columns.model_dump(exclude_none=True)
        return identity | {"layout": model.layout, "columns": columns, "record": list(model.record)}
    return (
        identity
        | _decoding(model)
        | {
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "max_tokens": sampling.max_tokens,
            "system_prompt": sampling.system_prompt,
            "template": template,
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
        }
    )


def _decoding(model: CatalogueModel) -> dict[str, object]:
    """Settings of a catalogue entry that change what its weights compute."""
    match model:
        case TransformersModel():
            return {"dtype": model.dtype}
        case VllmModel() | RayModel():
            return {
                "dtype": model.dtype,
                "quantization": model.quantization,
                "maximum_length": model.maximum_length,
                "options": dict(model.options),
            }
        case OpenAIModel() if model.api == "completions":
            return {"api": model.api}
    return {}


def fingerprint(record: Mapping[str, object]) -> str:
    """Hash of a sampling record, 32 hexadecimal digits."""
    return stable_hash(dict(record))
