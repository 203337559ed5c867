"""Part of the recipe: which answers to one prompt become a chosen and a rejected one."""

from typing import Literal

from pydantic import Field

from openreason_dagster.domain.recipe_open_answers import PreferenceVotes
from openreason_dagster.domain.yaml_model import YamlModel


class PreferencePairs(YamlModel):
    """Pairs of a trace verified as correct and one verified as wrong, of similar length; and pairs by votes."""

    pairs_per_prompt: int = Field(default=2, ge=1)
    """At most so many pairs; no trace is in two of them."""
    longest_ratio: float = Field(default=2.0, ge=1)
    """The longer of the two has at most so many times the characters of the shorter. Wrong answers tend to be longer,
    and a model that learns from pairs would learn the length instead."""
    well_formed: Literal["both", "chosen"] = "both"
    """Which of the two must have the format of R1. `chosen` also takes wrong traces whose think block is broken."""
    votes: PreferenceVotes | None = None
    """Without it there are no pairs of prompts that no verifier decides about."""
