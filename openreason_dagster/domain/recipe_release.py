"""Part of the recipe: how the mix is written out, the gates it has to pass before it is, and the report."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from openreason_dagster.domain.recipe_formats import Format
from openreason_dagster.domain.recipe_sources import Language
from openreason_dagster.domain.release.licences import require_identifiers
from openreason_dagster.domain.yaml_model import Share, YamlModel

OPEN_LICENSES = (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0",
    "CC-BY-SA-2.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0", "CDLA-Permissive-1.0", "CDLA-Permissive-2.0",
    "CDLA-Sharing-1.0", "ISC", "MIT", "MIT-0", "ODC-By-1.0", "ODbL-1.0", "PDDL-1.0", "Unlicense", "Zlib",
)  # fmt: skip
"""SPDX identifiers of licences that let anybody use, change and pass on data, also for money."""


class ShareRange(YamlModel):
    """The least and the most of a share, both included."""

    minimum: Share = 0.0
    maximum: Share = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"`minimum` {self.minimum:g} is above `maximum` {self.maximum:g}")
        return self


class Gates(YamlModel):
    """Limits that the mix must keep; one that is exceeded stops the release."""

    contaminated_prompts: int = Field(default=0, ge=0)
    """Prompts of each released set that may share an n-gram with a benchmark."""
    duplicate_rows: int = Field(default=0, ge=0)
    """Rows that may repeat the conversation of another row."""
    truncated_share: Share = 0.0
    """Share of rows that may end at the token limit."""
    allowed_licenses: list[str] = Field(default_factory=lambda: list(OPEN_LICENSES))
    """SPDX identifiers; the source of each row of each released set must have one of them."""
    language_shares: dict[Language, ShareRange] = Field(default_factory=dict)
    """Share of rows per language of the prompt; languages that are not listed are free."""
    minimum_row_share: Share = 0.9
    """Least share of `sft_mix.rows` that must be there."""
    domain_share_tolerance: Share = 0.01
    """How far a share may be from `sft_mix.domain_shares` or `sft_mix.component_shares`."""

    @field_validator("allowed_licenses")
    @classmethod
    def _are_identifiers(cls, licenses: list[str]) -> list[str]:
        return require_identifiers(licenses)


class Release(YamlModel):
    """How the mix is written out."""

    license: str
    rows_per_shard: int = Field(default=50_000, ge=1)
    formats: tuple[Format, ...] = ("rl_prompts", "preference")
    """Configurations beside `default`, which holds the mix as `messages` with the reasoning in think tags."""
    repository: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+$")
    """Repository of the Hugging Face Hub, owner/name, that `openreason publish` fills."""
    gates: Gates = Gates()


class Report(YamlModel):
    """What the report page shows."""

    traces: int = Field(default=100_000, ge=0)
    """Traces that can be read in it at most, drawn evenly over models, temperatures and verdicts."""
