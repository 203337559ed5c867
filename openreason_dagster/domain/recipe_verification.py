"""Part of the recipe: how answers are judged."""

from typing import Literal

from pydantic import Field

from openreason_dagster.domain.recipe_code import CodeLimits
from openreason_dagster.domain.yaml_model import Share, YamlModel


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
