"""Part of the recipe: which traces become training data, and in which proportions."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from openreason_dagster.domain.records import Domain, Verdict
from openreason_dagster.domain.yaml_model import Share, YamlModel

Component = Literal["reasoning_data", "cold_start_data", "non_reasoning_data"]
"""Data sets that the mix is made of."""
Answers = Literal["correct", "judged", "any"]
"""Verdicts of the answers that are kept: right ones; wrong ones too; and also those that nobody could judge."""


class ReasoningData(YamlModel):
    """Rejection sampling (OR3); the filters of readability are off where they are null or `keep`."""

    traces_per_prompt: int = Field(default=4, ge=1)
    answers: Answers = "correct"
    """`judged` keeps wrong answers too, best reward first; `any` also what could not be judged, after the others. An
    answer that was cut at the token limit is never kept."""
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
        kept = {"correct": [Verdict.CORRECT], "judged": [Verdict.CORRECT, Verdict.INCORRECT], "any": list(Verdict)}
        return [verdict.value for verdict in kept[self.answers] if verdict is not Verdict.TRUNCATED]


class Selection(YamlModel):
    """A small mix that covers much: groups of rows take turns, one row of a cluster of near-duplicates first."""

    by: list[Literal["domain", "source", "topic", "language", "difficulty", "length"]] = Field(
        default=["source"], min_length=1
    )
    """What makes the groups; rows that differ in any of them are in different groups. Where a topic is not known, the
    source's name stands for it."""
    prefer: Literal["completion_tokens", "reward_total"] = "completion_tokens"
    """Within a group, rows with more of it are likelier."""
    difficulties: list[Literal["hard", "medium", "easy", "solved"]] | None = Field(default=None, min_length=1)
    """Rows of prompts of these bands only, over all models of the recipe; of all bands when left out."""


class SftMix(YamlModel):
    """Proportions and split of the training mix."""

    rows: int | None = Field(default=None, ge=1)
    """At most this many rows; all that the shares allow when left out."""
    domain_shares: dict[Domain, Share] | None = None
    """Share of rows per domain, summing to 1; as they come when left out."""
    component_shares: dict[Component, Share] | None = None
    """Share of rows per component, summing to 1; cut first where domains have shares too."""
    selection: Selection | None = None
    """How `rows` of many are chosen; by shares and best traces when left out."""
    validation_share: Share = 0.05

    @field_validator("domain_shares", "component_shares")
    @classmethod
    def _shares_sum_to_one(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        if shares is not None and abs(sum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"shares sum to {sum(shares.values()):g}; they must sum to 1")
        return shares

    @model_validator(mode="after")
    def _selection_is_of_a_number(self) -> Self:
        if self.selection is not None and self.rows is None:
            raise ValueError("`selection` needs `rows`, the number of rows to select")
        for shares in ("domain_shares", "component_shares"):
            if self.selection is not None and getattr(self, shares) is not None:
                raise ValueError(f"`selection` lets groups take turns and keeps no `{shares}`; remove one of them")
        return self
