"""Which engine runs a catalogue model."""

from pathlib import Path

from openreason_dagster.domain.catalogue import CatalogueModel, DatasetModel, OpenAIModel, TransformersModel
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.resources.engines.dataset import DatasetEngine
from openreason_dagster.resources.engines.openai import OpenAIEngine
from openreason_dagster.resources.engines.transformers import TransformersEngine


def open_engine(model: CatalogueModel, folder: Path) -> Engine:
    """The engine of a model, not yet entered; `folder` is the catalogue's, to which paths are relative."""
    match model:
        case TransformersModel():
            return TransformersEngine(model, folder)
        case OpenAIModel():
            return OpenAIEngine(model)
        case DatasetModel():
            return DatasetEngine(model, folder)
