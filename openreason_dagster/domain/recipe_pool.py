"""Part of the recipe: how seeds become the prompt pool."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.recipe_sources import Commit
from openreason_dagster.domain.yaml_model import Share, YamlModel


class NearDuplicates(YamlModel):
    """Prompts that differ in a few words only; numbers, signs and the answer are always compared exactly."""

    policy: Literal["mark", "drop"] = "mark"
    """`mark` keeps them and notes their cluster; `drop` keeps the first of those that resemble each other."""
    similarity: float = Field(default=0.8, ge=0.5, le=1)
    """Least Jaccard index of the two prompts' runs of three words."""


class StaticVectors(YamlModel):
    """A static embedding model, whose vector for a text is the mean of its words'; needs the extra `semantic`."""

    model: str
    """A model2vec model: a repository of the hub, or a folder, relative to the recipe and starting with `.` or `/`."""
    revision: Commit | None = None
    """Commit of the repository in full; needed unless `model` is a folder."""

    @property
    def is_local(self) -> bool:
        """Whether `model` is written as a path."""
        return self.model.startswith((".", "/"))

    @model_validator(mode="after")
    def _revision_pinned(self) -> Self:
        if self.revision is None and not self.is_local:
            raise ValueError("a hub repository needs `revision` (a commit hash), so that its vectors never change")
        return self


class SemanticDuplicates(StaticVectors):
    """Prompts that say the same in other words; numbers, signs and the answer are compared exactly, in any order."""

    policy: Literal["mark", "drop"] = "mark"
    """`mark` keeps them and notes their cluster; `drop` keeps the first of those with a reference answer and marks the
    others, and needs near-duplicates dropped too."""
    similarity: float = Field(default=0.9, ge=0.5, le=1)
    """Least cosine of the two prompts' vectors."""


class Topics(StaticVectors):
    """Groups of prompts that are about the same, for those whose source states no topic."""

    count: int = Field(default=50, ge=2, le=1_000)
    """How many groups; fewer where there are fewer different prompts."""


class NearBenchmarks(YamlModel):
    """Prompts that ask what a benchmark asks, in other words; the same numbers, and enough of the same words."""

    policy: Literal["mark", "drop"] = "mark"
    """`mark` keeps them and notes the benchmark's question; `drop` keeps them out of the pool."""
    similarity: float = Field(default=0.4, ge=0.2, le=1)
    """Least Jaccard index of the two questions' words."""


class Pool(YamlModel):
    """How seeds become the prompt pool."""

    ngram: int = Field(default=10, ge=3)
    """Words in a run that count as overlap with a benchmark; shorter texts are compared whole."""
    near_benchmarks: NearBenchmarks = NearBenchmarks()
    near_duplicates: NearDuplicates = NearDuplicates()
    semantic_duplicates: SemanticDuplicates | None = None
    """Without it prompts are compared by their words alone."""
    topics: Topics | None = None
    """Without it prompts have the topics that their sources state."""
    rejected_share_limit: Share = 0.5
    """Above this share of refused seeds the pool fails."""

    @model_validator(mode="after")
    def _the_more_alike_are_dropped_first(self) -> Self:
        semantic = self.semantic_duplicates
        if semantic is not None and semantic.policy == "drop" and self.near_duplicates.policy == "mark":
            raise ValueError(
                "`semantic_duplicates.policy` is drop, but near-duplicates, which are more alike, are only marked; "
                "set `near_duplicates.policy` to drop as well, or mark both"
            )
        return self
