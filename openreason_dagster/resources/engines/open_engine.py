"""Which engine runs a catalogue model; an engine's libraries are imported only when it is opened."""

from pathlib import Path

from openreason_dagster.domain.catalogue_entry import (
    CatalogueModel,
    DatasetModel,
    OpenAIModel,
    RayModel,
    TransformersModel,
    VllmModel,
)
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.resources.ray_cluster import RayCluster
from openreason_dagster.resources.settings import Settings


def open_engine(model: CatalogueModel, folder: Path) -> Engine:
    """The engine of a model, not yet entered; `folder` is the catalogue's, to which paths are relative."""
    match model:
        case TransformersModel():
            from openreason_dagster.resources.engines.transformers import TransformersEngine

            return TransformersEngine(model, folder)
        case VllmModel():
            from openreason_dagster.resources.engines.vllm import VllmEngine

            return VllmEngine(model, folder)
        case RayModel():
            from openreason_dagster.resources.engines.ray import RayEngine

            return RayEngine(model, folder, RayCluster(Settings.from_environment().ray_address))
        case OpenAIModel():
            from openreason_dagster.resources.engines.openai import OpenAIEngine

            return OpenAIEngine(model)
        case DatasetModel():
            from openreason_dagster.resources.engines.dataset import DatasetEngine

            return DatasetEngine(model, folder)
