"""Part of the recipe: how seeds become the prompt pool."""

from typing import Literal

from pydantic import Field

from openreason_dagster.domain.yaml_model import Share, YamlModel


class NearDuplicates(YamlModel):
    """Prompts that differ in a few words only; numbers, signs and the answer are always compared exactly."""

    policy: Literal["mark", "drop"] = "mark"
    """`mark` keeps them and notes their cluster; `drop` keeps the first of those that resemble each other."""
    similarity: float = Field(default=0.8, ge=0.5, le=1)
    """Least Jaccard index of the two prompts' runs of three words."""


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
    rejected_share_limit: Share = 0.5
    """Above this share of refused seeds the pool fails."""
