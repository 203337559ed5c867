"""Part of the recipe: which prompts of the pool a policy is trained on by reinforcement learning."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.records import Domain
from openreason_dagster.domain.yaml_model import Share, YamlModel


class RlPrompts(YamlModel):
    """Prompts that are neither too hard nor too easy for a policy, and how many of each domain."""

    policy_model: str | None = None
    """Catalogue name of the model whose samples count; samples of all models of the recipe when left out."""
    pass_rate: tuple[Share, Share] = (0.05, 0.95)
    """Lowest and highest share of correct samples among the judged ones; both ends belong to the band. Where all
    samples of a prompt earn the same reward, group-relative methods learn nothing from it."""
    minimum_judged: int = Field(default=1, ge=1)
    """With fewer judged samples the pass rate of a prompt is unknown."""
    unknown_rate: Literal["drop", "keep"] = "drop"
    """What becomes of prompts with unknown pass rate; `keep` for a recipe that samples nothing."""
    disagreement_share: float | None = Field(default=0.5, gt=0, le=1)
    """A prompt is left out when one wrong answer makes up more than this share of its judged samples: then the
    reference is in doubt. Wrong answers to a prompt that is merely hard differ from each other. Null keeps all."""
    disagreement_samples: int = Field(default=4, ge=2)
    """Fewer judged samples than this cannot put a reference in doubt."""
    domain_quotas: dict[Domain, int] | None = None
    """At most so many prompts of each domain; domains that are not named have no quota. 0 leaves a domain out."""
    topic_quota: int | None = Field(default=None, ge=1)
    """At most so many prompts of each topic of a domain; a source's name stands for a topic that is not known."""
    rows: int | None = Field(default=None, ge=1)
    """At most so many prompts, of each domain in proportion to what its quota leaves."""
    template: str | None = None
    """Prompt template of the policy: a shipped name or a path; that of `sampling` when left out."""
    system_prompt: str | None = None
    """System prompt of the policy; that of `sampling` when left out."""

    prompt_form: Literal["messages", "text"] = "messages"
    """What TRL is given as `prompt`: `text` for base models without a chat template, asked with the template alone."""

    @model_validator(mode="after")
    def _band_is_a_band(self) -> Self:
        low, high = self.pass_rate
        if low > high:
            raise ValueError(f"`pass_rate` is [{low:g}, {high:g}]; the lower end comes first")
        return self

    @model_validator(mode="after")
    def _quotas_are_counts(self) -> Self:
        for domain, quota in (self.domain_quotas or {}).items():
            if quota < 0:
                raise ValueError(f"`domain_quotas.{domain}` is {quota}; it must be 0 or more")
        return self
