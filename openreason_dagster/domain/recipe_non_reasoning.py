"""Part of the recipe: answers after a prompted chain of thought (OR6), and what the non-reasoning data holds (OR4)."""

from typing import Literal

from pydantic import Field

from openreason_dagster.domain.recipe_roles import Judge, RoleModel
from openreason_dagster.domain.records import Domain
from openreason_dagster.domain.yaml_model import Share, YamlModel


class AnswerJudge(Judge):
    """A model with the role `judge`, which rates answers that no verifier decides about, from 1 to 10."""

    template: str = "rate"
    attempts: int = Field(default=3, ge=1, le=5)
    """How often a question is asked whose reply cannot be read; then the answer stays unrated."""
    longest_answer: int = Field(default=20_000, ge=100)
    """Characters; longer answers stay unrated."""
    least_score: int = Field(default=6, ge=1, le=10)
    """Answers that are rated lower are left out."""
    unrated: Literal["keep", "drop"] = "keep"
    """What becomes of answers that the judge cannot rate: rows with the verdict that says so, or left out."""


class CotPrompted(YamlModel):
    """Which prompts a writer answers after thinking, and what its thinking has to look like; null switches off."""

    writer: RoleModel
    """A model with the role `writer`."""
    prompts: int | None = Field(default=None, ge=1)
    """At most so many prompts, in the order of their hashes."""
    domains: list[Domain] = Field(default=["general", "instruction"])
    """Prompts of the pool are taken from these; those of chat sources all are."""
    attempts: int = Field(default=1, ge=1, le=3)
    """How often a reply without the asked form is asked for; more than one helps only above temperature 0."""
    template: str = "cot_prompted"
    """Name of a shipped template, or a path."""
    markdown_in_reasoning: Literal["drop", "keep"] = "drop"
    maximum_paragraph_characters: int | None = Field(default=1500, ge=1)
    """Of the reasoning."""
    minimum_language_consistency: Share | None = 0.8
    """Least share of the reasoning's words in the prompt's language."""
    judge: AnswerJudge | None = None
    """Who rates answers to prompts without a verifier; without a judge they are taken as they are."""


class NonReasoningData(YamlModel):
    """What becomes of prompts that have several answers."""

    rows_per_prompt: int = Field(default=1, ge=1)
    """Answers after a chain of thought come first: an answer without one would teach the opposite."""
