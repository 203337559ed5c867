"""Part of the recipe: cold-start data (OR1), correct traces that a writer makes readable."""

from typing import Literal

from pydantic import Field

from openreason_dagster.domain.recipe_roles import RoleModel
from openreason_dagster.domain.yaml_model import Share, YamlModel


class ColdStart(YamlModel):
    """Which correct traces are rewritten, by whom, and what the written text has to hold to.

    A filter set to null is off. Templates and examples are named by a shipped name or by a path.
    """

    writer: RoleModel
    """A model with the role `writer`; `max_tokens` has to leave room for the whole rewritten reasoning."""
    temperature: float | Literal["imported"] = 1.0
    """Which of the recipe's `temperatures` the traces come from; R1 sampled at 1.0."""
    prompts: int | None = Field(default=None, ge=1)
    """At most so many prompts, taken from the domains in turn."""
    traces_per_prompt: int = Field(default=1, ge=1)
    attempts: int = Field(default=1, ge=1, le=3)
    """How often a reply without the asked form is asked for; more than one helps only above temperature 0."""
    maximum_repeated_share: Share | None = 0.3
    """Above this share of words in runs of ten that stood there before, a reasoning counts as repetitive."""
    minimum_language_consistency: Share | None = 0.8
    """Least share of words in the prompt's language, of the trace and of what is written."""
    rewrite_numbers: Literal["known", "free"] = "known"
    """`known`: a rewritten reasoning may hold no number that neither the question nor the trace holds."""
    summary_numbers: Literal["known", "free"] = "known"
    """`known`: a summary may hold no number that neither the question nor the reasoning holds."""
    rewrite_template: str = "cold_start_rewrite"
    summary_template: str = "cold_start_summary"
    examples: str | None = "cold_start_examples"
    """JSONL file with `language`, `question`, `reasoning` and `rewritten`, shown to the writer as earlier turns."""
