"""Part of the recipe: when a stated reference is suspected to be wrong, and what becomes of its prompt."""

from typing import Literal

from pydantic import Field

from openreason_dagster.domain.yaml_model import YamlModel


class References(YamlModel):
    """References that no sample agrees with while the samples agree with each other."""

    suspects: Literal["keep", "drop", "replace"] = "keep"
    """`keep` only lists them, `drop` builds nothing from their prompts, `replace` lets the majority answer be right."""
    minimum_samples: int = Field(default=4, ge=2)
    """Judged samples of a prompt, over all models and temperatures, below which nothing is suspected."""
    minimum_agreement: float = Field(default=0.5, gt=0, le=1)
    """Share of the extracted answers that the majority answer must have."""
