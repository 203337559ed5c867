"""Part of the recipe: where prompts and evaluation sets come from. Paths are relative to the recipe's own folder."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from openreason_dagster.domain.recipe_code import CodeSource, require_tests
from openreason_dagster.domain.recipe_columns import AnswerExtraction, Columns, Tolerance, require_fitting_columns
from openreason_dagster.domain.records import Domain, VerifierKind
from openreason_dagster.domain.yaml_model import YamlModel


def require_commit(revision: str) -> str:
    """The revision itself if it is a commit in full; ValueError otherwise, because tags and branches can move."""
    if not re.fullmatch("[0-9a-f]{40}", revision):
        raise ValueError("a branch or tag can move; give the commit hash as 40 lower-case hexadecimal digits")
    return revision


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Commit = Annotated[str, AfterValidator(require_commit)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]


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
