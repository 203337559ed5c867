"""The recipe: one YAML file that says what to build. Unknown keys and impossible combinations are refused here.

What needs other files or modules to tell is refused in `recipe_checks`, which reads recipes. Paths in a recipe are
relative to the recipe's own folder.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from openreason_dagster.domain.recipe_budget import Budget
from openreason_dagster.domain.recipe_code import CodeLimits, CodeSource, require_tests
from openreason_dagster.domain.recipe_columns import AnswerExtraction, Columns, Tolerance, require_fitting_columns
from openreason_dagster.domain.recipe_sampling import Sampling
from openreason_dagster.domain.records import Domain, VerifierKind
from openreason_dagster.domain.yaml_model import YamlModel

IMPORTED = "imported"
"""Temperature key of traces whose sampling temperature is not known."""


def require_commit(revision: str) -> str:
    """The revision itself if it is a commit in full; ValueError otherwise, because tags and branches can move."""
    if not re.fullmatch("[0-9a-f]{40}", revision):
        raise ValueError("a branch or tag can move; give the commit hash as 40 lower-case hexadecimal digits")
    return revision


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Commit = Annotated[str, AfterValidator(require_commit)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _Source(YamlModel):
    name: Name
    license: str
    language: Language = "en"
    limit: int | None = Field(default=None, ge=1)


class ProceduralSource(_Source):
    """Generated problems: `starter/<family>` of the package, or `reasoning_gym/<task>`."""

    kind: Literal["procedural"]
    task: str = Field(pattern=r"^(starter|reasoning_gym)/[a-z0-9_]+$")
    count: int = Field(ge=1)
    seed: int
    domain: Domain | None = None
    """Needed for reasoning_gym tasks; the starter's families know their own."""
    options: dict[str, int | float | str | bool] = Field(default_factory=dict)
    """Passed to the reasoning_gym task."""

    @model_validator(mode="after")
    def _domain_where_needed(self) -> Self:
        if self.task.startswith("reasoning_gym/") and self.domain is None:
            raise ValueError("a reasoning_gym task needs `domain`, e.g. `domain: logic`")
        if self.task.startswith("starter/") and self.options:
            raise ValueError("the starter's families take no `options`; remove them")
        return self


class _TableSource(_Source):
    domain: Domain
    verifier: VerifierKind
    columns: Columns
    answer_extraction: AnswerExtraction = AnswerExtraction()
    tolerance: Tolerance | None = None
    """For verifier `numeric`; without it the values have to be equal."""
    code: CodeSource | None = None

    @model_validator(mode="after")
    def _columns_fit_verifier(self) -> Self:
        require_tests(self.verifier, self.code)
        if self.tolerance is not None and self.verifier != "numeric":
            raise ValueError(f"`tolerance` is not used by verifier `{self.verifier}`; use `numeric` or remove it")
        require_fitting_columns(self.columns, self.verifier)
        return self


class FileLocation(YamlModel):
    """A JSONL, CSV or Parquet file, plain or gzip; the kind is told by the file's name."""

    kind: Literal["file"]
    path: Path


class HubLocation(YamlModel):
    """One split of a `datasets` repository at a pinned revision, or of a local folder in the hub's layout."""

    kind: Literal["hub"]
    repository: str
    revision: Commit | None = None
    """Commit of the repository in full; needed unless `repository` is a local folder."""
    config: str | None = None
    split: str

    @property
    def is_local(self) -> bool:
        """Whether `repository` is written as a path."""
        return self.repository.startswith((".", "/"))

    @model_validator(mode="after")
    def _revision_pinned(self) -> Self:
        if self.revision is None and not self.is_local:
            raise ValueError("a hub repository needs `revision` (a commit hash), so that its rows never change")
        return self


class FileSource(FileLocation, _TableSource):
    """Prompts in a file."""


class HubSource(HubLocation, _TableSource):
    """Prompts in a `datasets` repository."""


Source = Annotated[ProceduralSource | FileSource | HubSource, Field(discriminator="kind")]


class _Benchmark(YamlModel):
    name: Name
    columns: Columns


class FileBenchmark(FileLocation, _Benchmark):
    """An evaluation set in a file."""


class HubBenchmark(HubLocation, _Benchmark):
    """An evaluation set in a `datasets` repository."""


Benchmark = Annotated[FileBenchmark | HubBenchmark, Field(discriminator="kind")]
"""An evaluation set to keep out of the pool."""


class Pool(YamlModel):
    """How seeds become the prompt pool."""

    ngram: int = Field(default=10, ge=3)
    """Words in a run that count as overlap with a benchmark; shorter texts are compared whole."""
    rejected_share_limit: Share = 0.5
    """Above this share of refused seeds the pool fails."""


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


class RewardWeights(YamlModel):
    """Weights of the total; R1 sums them unweighted."""

    accuracy: float = 1.0
    format: float = 1.0
    language_consistency: float = 1.0


class ReasoningData(YamlModel):
    """Rejection sampling (OR3)."""

    traces_per_prompt: int = Field(default=4, ge=1)
    minimum_language_consistency: Share = 0.8
    maximum_completion_tokens: int | None = Field(default=None, ge=1)


class SftMix(YamlModel):
    """Proportions and split of the training mix."""

    rows: int | None = Field(default=None, ge=1)
    """At most this many rows; all that the shares allow when left out."""
    domain_shares: dict[Domain, Share] | None = None
    """Share of rows per domain, summing to 1; as they come when left out."""
    validation_share: Share = 0.05

    @field_validator("domain_shares")
    @classmethod
    def _shares_sum_to_one(cls, shares: dict[Domain, float] | None) -> dict[Domain, float] | None:
        if shares is not None and abs(sum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"domain shares sum to {sum(shares.values()):g}; they must sum to 1")
        return shares


class Release(YamlModel):
    """How the mix is written out."""

    license: str
    rows_per_shard: int = Field(default=50_000, ge=1)


class Recipe(YamlModel):
    """What to build, from sources to release."""

    name: Name
    title: str
    description: str = ""
    seed: int
    sources: list[Source] = Field(min_length=1)
    benchmarks: list[Benchmark] = Field(default_factory=list)
    models: list[str] = Field(min_length=1)
    """Catalogue names; `*` stands for any text and a leading `!` excludes."""
    temperatures: list[float | Literal["imported"]] = Field(min_length=1)
    pool: Pool = Pool()
    sampling: Sampling
    budget: Budget = Budget()
    verification: Verification = Verification()
    reward_weights: RewardWeights = RewardWeights()
    reasoning_data: ReasoningData = ReasoningData()
    sft_mix: SftMix = SftMix()
    release: Release

    @field_validator("temperatures")
    @classmethod
    def _temperatures_make_sense(cls, values: list[float | str]) -> list[float | str]:
        for value in values:
            if isinstance(value, float) and not 0 <= value <= 2:
                raise ValueError(f"temperature {value:g} is outside 0 to 2")
        if len(set(values)) != len(values):
            raise ValueError("a temperature is listed twice")
        return values

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (
            ("source", [source.name for source in self.sources]),
            ("benchmark", [benchmark.name for benchmark in self.benchmarks]),
        ):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"{what} name {repeated[0]!r} is used twice; names are partition keys")
        return self

    @model_validator(mode="after")
    def _rounds_fill_the_mix(self) -> Self:
        adaptive, kept = self.sampling.adaptive, self.reasoning_data.traces_per_prompt
        if adaptive is not None and adaptive.enough_correct < kept:
            raise ValueError(
                f"`sampling.adaptive.enough_correct` is {adaptive.enough_correct}, but "
                f"`reasoning_data.traces_per_prompt` keeps up to {kept} correct traces of a prompt; "
                "raise the one or lower the other"
            )
        return self

    @property
    def temperature_keys(self) -> list[str]:
        """Partition keys, in the recipe's order, e.g. `['0.3', '0.6', '1.2']`."""
        return [temperature_key(value) for value in self.temperatures]

    def source(self, name: str) -> "ProceduralSource | FileSource | HubSource":
        """The source of that name; KeyError if there is none."""
        return {source.name: source for source in self.sources}[name]


def temperature_key(value: float | str) -> str:
    """Partition key of a temperature: shortest decimal with at least one place, or `imported`."""
    return value if isinstance(value, str) else str(float(value))
