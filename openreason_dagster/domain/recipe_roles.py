"""Part of the recipe: a model of the catalogue that a stage asks for help, and how it is asked."""

from pydantic import Field

from openreason_dagster.domain.recipe_sampling import Sampling
from openreason_dagster.domain.recipe_sources import Name
from openreason_dagster.domain.yaml_model import YamlModel


class RoleModel(YamlModel):
    """A model in a role, e.g. judge or writer; its catalogue entry lists the role."""

    model: Name
    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=1024, ge=1)
    """Most tokens of one reply, its reasoning included."""

    @property
    def sampling(self) -> Sampling:
        """The same settings as a recipe states them for sampling."""
        return Sampling(samples_per_prompt=1, max_tokens=self.max_tokens, top_p=self.top_p)


class Judge(RoleModel):
    """A model with the role `judge`. Templates are named by a shipped name or by a path."""

    template: str
    """What it is asked with, with `{texts}` where the texts under judgement stand and `{mark}` in the line that the
    reply has to end with."""
