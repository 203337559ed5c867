"""The part of a recipe that says what is asked of every model for every prompt, and when a prompt is sampled enough."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.inference.adaptive import SamplingRule
from openreason_dagster.domain.yaml_model import YamlModel


class Adaptive(YamlModel):
    """Rounds of samples that end, prompt by prompt, when the prompt is settled."""

    first_round: int = Field(ge=1)
    """Samples that every prompt gets; pass@k is known up to this k."""
    round: int = Field(ge=1)
    """Samples of each further round."""
    maximum: int = Field(ge=1)
    """Most samples of one prompt."""
    enough_correct: int = Field(ge=1)
    """A prompt with so many correct samples is settled."""
    lowest_pass_rate: float = Field(ge=0, lt=1)
    """Lower end of the useful band; 0 never gives a prompt up before the maximum."""
    confidence: float = Field(gt=0.5, lt=1)
    """A prompt is given up when its pass rate is below the band at this confidence, taken anew after each round."""

    @model_validator(mode="after")
    def _numbers_fit(self) -> Self:
        if self.maximum < self.first_round:
            raise ValueError(
                f"`maximum` is {self.maximum}, less than `first_round` ({self.first_round}), which every prompt gets; "
                "raise the one or lower the other"
            )
        if self.enough_correct > self.maximum:
            raise ValueError(
                f"`enough_correct` is {self.enough_correct}, more than the `maximum` of {self.maximum} samples; "
                "raise the one or lower the other"
            )
        return self

    @property
    def rule(self) -> SamplingRule:
        """The rule as the domain applies it."""
        return SamplingRule(**self.model_dump())


class Sampling(YamlModel):
    """What is asked of every model for every prompt."""

    samples_per_prompt: int | None = Field(default=None, ge=1)
    """The same number for every prompt; left out where `adaptive` says how many."""
    adaptive: Adaptive | None = None
    """Rounds of samples until a prompt is settled. Imported traces cost nothing: all up to `maximum` are taken."""
    max_tokens: int = Field(ge=1)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    system_prompt: str | None = None
    template: str = "plain"
    """Name of a prompt template shipped with the package, or a path to a text file holding `{prompt}`."""
    stop: list[str] = Field(default_factory=list)
    """Texts that end a completion and are cut off, besides the model's own end of turn."""
    logprobs: bool = False
    """Whether to keep the log-probability of every generated token; not part of the fingerprint."""
    commit_rows: int = Field(default=256, ge=1)
    commit_seconds: float = Field(default=5.0, gt=0)
    failed_share_limit: float = Field(default=0.1, ge=0, le=1)
    """Above this share of failed requests a partition fails."""
    refresh: Literal["by_command", "automatic"] = "by_command"
    """Whether partitions whose settings changed are sampled again by themselves, or only when somebody says so."""

    @model_validator(mode="after")
    def _one_number_of_samples(self) -> Self:
        if (self.samples_per_prompt is None) == (self.adaptive is None):
            raise ValueError("give either `samples_per_prompt` or `adaptive`, which both say how many samples to take")
        return self

    @property
    def most_samples(self) -> int:
        """Most samples of one prompt."""
        if self.adaptive is not None:
            return self.adaptive.maximum
        assert self.samples_per_prompt is not None
        return self.samples_per_prompt
