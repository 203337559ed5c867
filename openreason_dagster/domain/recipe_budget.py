"""The part of a recipe that says what may be spent on sampling."""

from pydantic import Field

from openreason_dagster.domain.yaml_model import YamlModel


class Limits(YamlModel):
    """Upper limits; what is left out is not limited."""

    tokens: int | None = Field(default=None, ge=1)
    """Generated tokens. Never exceeded: a request is asked only if the limit leaves room for its `max_tokens`."""
    seconds: float | None = Field(default=None, gt=0)
    """Time spent sampling, looked at when a request is asked or answered; what is then in flight is given up."""
    money: float | None = Field(default=None, gt=0)
    """In the budget's currency, by the prices of the catalogue."""


class Budget(YamlModel):
    """What sampling may cost; whichever limit is reached first ends a run, and everything committed stays."""

    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    recipe: Limits = Limits()
    """Over all models and runs of the recipe."""
    model: Limits = Limits()
    """Over all runs of each model."""
    run: Limits = Limits()
    """Over each run of a model."""
