"""Part of the recipe: how answers are judged."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.recipe_code import CodeLimits
from openreason_dagster.domain.recipe_roles import Judge
from openreason_dagster.domain.verification.model_judge import Decision
from openreason_dagster.domain.yaml_model import Share, YamlModel


class JudgeModel(Judge):
    """A model with the role `judge`, which compares answers with references."""

    template: str = "compare"
    attempts: int = Field(default=3, ge=1, le=5)
    """How often a question is asked whose reply cannot be read; then the judge abstains."""
    longest_answer: int = Field(default=8_000, ge=100)
    """Characters of an answer that the judge is shown, from its end."""
    false_accept_limit: Share = 0.05
    """As for rules, for the kinds of answers that the judge decides about."""
    false_reject_limit: Share = 0.1


class Verification(YamlModel):
    """Where answers are compared, and the limits of the processes that compare them."""

    runner: Literal["local", "ray"] = "local"
    """`ray` judges traces on the Ray cluster; references are audited, and rounds are judged, on this machine."""
    timeout_seconds: float = Field(default=5.0, gt=0)
    memory_megabytes: int = Field(default=2048, ge=512)
    workers: int = Field(default=2, ge=1)
    """Processes on this machine, or of each actor on the Ray cluster."""
    error_share_limit: Share = 0.05
    """Above this share of verdicts `error` and `timeout` a check fails."""
    false_accept_limit: Share = 0.0
    """Above this share of known wrong answers that a verifier accepts, nothing is built on its verdicts."""
    false_reject_limit: Share = 0.02
    """The same for known right answers that it rejects."""
    code: CodeLimits = CodeLimits()
    decided_by: Decision = "rule"
    """Who decides about answers that a rule can compare with a reference: the rule, the judge, or their union."""
    judge: JudgeModel | None = None
    """Needed where it decides, and by sources with verifier `judge`."""

    @model_validator(mode="after")
    def _judge_is_named(self) -> Self:
        if self.decided_by != "rule" and self.judge is None:
            raise ValueError(
                f"`decided_by: {self.decided_by}` needs `judge`, e.g. `judge: {{model: NAME}}` with a model of the "
                "catalogue that has the role judge"
            )
        return self
