"""Part of the recipe: where curation runs."""

from typing import Literal

from openreason_dagster.domain.yaml_model import YamlModel


class Curation(YamlModel):
    """How pool, mix and release are made; what they hold does not depend on it."""

    runner: Literal["local", "ray"] = "local"
    """Where texts are compared, joined and written: in this process, or on the machines of a Ray cluster."""
