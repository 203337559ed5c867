"""What the recipe asks of one model of the catalogue, and the engine that would answer; loads no weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import polars as pl

from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.fingerprint import weights_identity
from openreason_dagster.domain.inference.plan import RequestCount, SamplingPlan, build_plan, count_requests
from openreason_dagster.domain.inference.prompts import read_template
from openreason_dagster.resources.engines.open_engine import open_engine
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dataclass(frozen=True)
class ModelPlan:
    """The plan of a model, its engine (not entered), the prompts, and which traces are committed."""

    plan: SamplingPlan
    engine: Engine
    prompts: pl.DataFrame
    committed: set[str]
    counts: dict[str, RequestCount]
    """Planned and committed requests per temperature that applies to the model."""

    @classmethod
    def of(cls, tables: Tables, workspace: Workspace, *, model: str, temperatures: Sequence[str]) -> Self:
        """Compare what the recipe asks for with what is committed.

        Raises:
            OpenReasonError: the recipe, the catalogue file or the model's files cannot be read.
        """
        recipe, entry = workspace.recipe(), workspace.model(model)
        plan = build_plan(
            entry,
            recipe.sampling,
            temperature_keys=temperatures,
            template=read_template(recipe.sampling.template, recipe_folder=workspace.recipe_folder),
            weights=weights_identity(entry, workspace.catalogue_folder),
        )
        engine = open_engine(entry, workspace.catalogue_folder)
        pool = tables.scan("prompt_pool").sort("source", "prompt_id")  # prompts of a source are alike in length
        prompts = pool.select("prompt_id", "prompt").collect()
        rows = tables.scan("sampled_traces", model=model, temperature=list(temperatures))
        committed = set(rows.select("trace_id").collect()["trace_id"])
        counts = count_requests(prompts, plan, committed=committed, samples_available=engine.samples_available)
        return cls(plan, engine, prompts, committed, counts)
