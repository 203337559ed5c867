"""Part of the recipe: which traces become training data, and in which proportions."""

from typing import Literal

from pydantic import Field, field_validator

from openreason_dagster.domain.records import Domain
from openreason_dagster.domain.yaml_model import Share, YamlModel

Component = Literal["reasoning_data", "cold_start_data", "non_reasoning_data"]
"""Data sets that the mix is made of."""


class ReasoningData(YamlModel):
    """Rejection sampling (OR3); the filters of readability are off where they are null or `keep`."""

    traces_per_prompt: int = Field(default=4, ge=1)
    answers: Literal["correct", "judged"] = "correct"
    """`judged` keeps wrong answers too, best reward first; what could not be judged is never kept."""
    minimum_language_consistency: Share | None = 0.8
    """Least share of the reasoning's words in the prompt's language."""
    maximum_completion_tokens: int | None = Field(default=None, ge=1)
    maximum_paragraph_characters: int | None = Field(default=None, ge=1)
    """Of the reasoning; a paragraph ends at an empty line."""
    code_in_reasoning: Literal["keep", "drop"] = "keep"
    """Whether traces with a fenced block of code in their reasoning are left out."""

    @property
    def verdicts(self) -> list[str]:
        """Verdicts of the traces that may be kept."""
        return ["correct"] if self.answers == "correct" else ["correct", "incorrect"]


class SftMix(YamlModel):
    """Proportions and split of the training mix."""

    rows: int | None = Field(default=None, ge=1)
    """At most this many rows; all that the shares allow when left out."""
    domain_shares: dict[Domain, Share] | None = None
    """Share of rows per domain, summing to 1; as they come when left out."""
    component_shares: dict[Component, Share] | None = None
    """Share of rows per component, summing to 1; cut first where domains have shares too."""
    validation_share: Share = 0.05

    @field_validator("domain_shares", "component_shares")
    @classmethod
    def _shares_sum_to_one(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        if shares is not None and abs(sum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"shares sum to {sum(shares.values()):g}; they must sum to 1")
        return shares
