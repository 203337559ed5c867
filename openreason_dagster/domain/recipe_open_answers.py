"""Part of the recipe: answers that no verifier decides about, and the judge that votes on them or labels them."""

from pydantic import Field

from openreason_dagster.domain.recipe_roles import Judge
from openreason_dagster.domain.recipe_sources import Name
from openreason_dagster.domain.records import Domain
from openreason_dagster.domain.yaml_model import YamlModel


class OpenAnswers(YamlModel):
    """Answers that no verifier decides about, and the model with the role `judge` that is asked about them."""

    judge: Judge
    sources: list[Name] | None = Field(default=None, min_length=1)
    """Sources and chat sources whose prompts are taken; all when left out."""
    domains: list[Domain] = Field(default=["general"])
    """Of the pool, prompts of these domains are taken, where no sample was found to be correct or incorrect."""
    attempts: int = Field(default=2, ge=1, le=5)
    """How often a question is asked whose reply cannot be read."""
    longest_answer: int = Field(default=16_000, ge=100)
    """Characters; a longer answer is not judged, because the judge has to see all of it."""


class VotingJudge(Judge):
    """A judge that is asked the same several times, so that its votes have to be drawn."""

    template: str = "prefer"
    temperature: float = Field(default=0.6, ge=0, le=2)


class PreferenceVotes(OpenAnswers):
    """Two answers to one prompt, scored by a judge several times in both orders."""

    judge: VotingJudge
    pairs: int | None = Field(default=None, ge=1)
    """At most so many pairs are voted on, in the order of their hashes."""
    pairs_per_prompt: int = Field(default=1, ge=1)
    """At most so many pairs, the most similar in length first; no answer is in two of them."""
    votes_per_order: int = Field(default=2, ge=1, le=8)
    """Votes with the one answer first, and as many with the other first; R1 took four in all."""
    minimum_difference: float = Field(default=1.0, ge=0, lt=9)
    """The mean difference of the scores, which go from 1 to 10, has to be above it."""
    length_tolerance: float | None = Field(default=0.1, ge=0)
    """Chosen answers may have by so much more characters in total than rejected ones, or fewer; pairs that tip the
    balance most are left out. Null leaves the lengths as they are."""


class SafetyJudge(Judge):
    """A judge that labels responses."""

    template: str = "safety"


class SafetySet(OpenAnswers):
    """Single answers that a judge labels safe or unsafe."""

    judge: SafetyJudge
    answers: int | None = Field(default=None, ge=1)
    """At most so many answers, in the order of their hashes."""
