"""Part of the recipe: which traces become training data, and in which proportions."""

from pydantic import Field, field_validator

from openreason_dagster.domain.records import Domain
from openreason_dagster.domain.yaml_model import Share, YamlModel


class ReasoningData(YamlModel):
    """Rejection sampling (OR3)."""

    traces_per_prompt: int = Field(default=4, ge=1)
    minimum_language_consistency: Share = 0.8
    maximum_completion_tokens: int | None = Field(default=None, ge=1)


class SftMix(YamlModel):
    """Proportions and split of the training mix."""

    rows: int | None = Field(default=None, ge=1)
    """At most this many rows; all that the shares allow when left out."""
    domain_shares: dict[Domain, Share] | None = None
    """Share of rows per domain, summing to 1; as they come when left out."""
    validation_share: Share = 0.05

    @field_validator("domain_shares")
    @classmethod
    def _shares_sum_to_one(cls, shares: dict[Domain, float] | None) -> dict[Domain, float] | None:
        if shares is not None and abs(sum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"domain shares sum to {sum(shares.values()):g}; they must sum to 1")
        return shares
