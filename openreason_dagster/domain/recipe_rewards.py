"""Part of the recipe: weights of the rewards by rule, and the reward models that score answers beside them."""

from typing import Literal

from pydantic import Field

from openreason_dagster.domain.recipe_sources import Name
from openreason_dagster.domain.records import Domain
from openreason_dagster.domain.yaml_model import YamlModel

ModelReward = Literal["helpful", "safety"]


class RewardModel(YamlModel):
    """A sequence-classification checkpoint of the catalogue, with the role `reward`."""

    model: Name
    label: str | None = None
    """Of a classifier with several labels, the one whose probability is the score, e.g. `safe`; a checkpoint with one
    output gives its number and needs none."""
    maximum_tokens: int | None = Field(default=None, ge=8)
    """Of prompt and answer together; a longer text is cut at its end and marked. As many as the weights have positions
    for when left out."""


class ModelRewards(YamlModel):
    """R1's two reward models for prompts without a rule; each is off when left out."""

    domains: list[Domain] | None = Field(default=None, min_length=1)
    """Responses to prompts of these domains are scored, those of all when left out. R1 asked its reward models about
    general prompts only."""
    helpful: RewardModel | None = None
    """Scores the answer after the think block alone."""
    safety: RewardModel | None = None
    """Scores the whole response, reasoning and answer."""

    @property
    def named(self) -> dict[ModelReward, RewardModel]:
        """The reward models that the recipe has, by reward."""
        found: dict[ModelReward, RewardModel | None] = {"helpful": self.helpful, "safety": self.safety}
        return {name: model for name, model in found.items() if model is not None}
