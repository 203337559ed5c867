"""What the recipe asks of one model of the catalogue, and the engine that would answer; loads no weights."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import polars as pl

from openreason_dagster.domain.catalogue_entry import CatalogueModel
from openreason_dagster.domain.inference.adaptive import SamplingRule
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.fingerprint import weights_identity
from openreason_dagster.domain.inference.plan import RequestCount, SamplingPlan, build_plan
from openreason_dagster.domain.inference.prompts import read_template
from openreason_dagster.domain.inference.request_source import FixedSamples, Outcomes, RequestSource, Rounds
from openreason_dagster.resources.engines.open_engine import open_engine
from openreason_dagster.resources.judging import PROMPT_COLUMNS, known_outcomes
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ModelPlan:
    """The plan of a model, its engine (not entered), the prompts, and what is left to ask."""

    entry: CatalogueModel
    plan: SamplingPlan
    engine: Engine
    prompts: pl.DataFrame
    """The pool, with what is needed to judge an answer."""
    source: RequestSource
    counts: Mapping[str, RequestCount]
    """Planned and committed requests per temperature that applies to the model; in rounds, those planned so far."""

    @classmethod
    def of(cls, tables: Tables, workspace: Workspace, *, model: str, temperatures: Sequence[str]) -> Self:
        """Compare what the recipe asks for with what is committed.

        Raises:
            OpenReasonError: the recipe, the catalogue file or the model's files cannot be read.
        """
        entry = workspace.model(model)
        plan = sampling_plan(workspace, entry, temperatures)
        engine = open_engine(entry, workspace.catalogue_folder)
        pool = tables.scan("prompt_pool").sort("source", "prompt_id")  # prompts of a source are alike in length
        prompts = pool.select("prompt", *PROMPT_COLUMNS).collect()
        rule = sampling_rule(workspace, plan)
        if rule is None:
            fixed = FixedSamples(
                prompts, plan, committed=_committed(tables, plan), samples_available=engine.samples_available
            )
            source: RequestSource = fixed
            counts = fixed.counts
        else:
            outcomes = known_outcomes(tables, plan, prompts)
            source = Rounds(prompts, plan, rule, outcomes)
            counts = _counts(_committed_per_temperature(tables, plan, prompts), outcomes, source.totals())
        return cls(entry=entry, plan=plan, engine=engine, prompts=prompts, source=source, counts=counts)


def sampling_plan(workspace: Workspace, entry: CatalogueModel, temperatures: Sequence[str]) -> SamplingPlan:
    """What the recipe asks of a model at some temperatures.

    Raises:
        OpenReasonError: the recipe, its template or the model's files cannot be read.
    """
    sampling = workspace.recipe().sampling
    return build_plan(
        entry,
        sampling,
        temperature_keys=temperatures,
        template=read_template(sampling.template, recipe_folder=workspace.recipe_folder),
        weights=weights_identity(entry, workspace.catalogue_folder),
    )


def sampling_rule(workspace: Workspace, plan: SamplingPlan) -> SamplingRule | None:
    """When to stop sampling a prompt; None where every prompt gets the same number, as always with imported traces."""
    adaptive = workspace.recipe().sampling.adaptive
    return None if adaptive is None or plan.is_imported else adaptive.rule


def _committed(tables: Tables, plan: SamplingPlan) -> set[str]:
    keys = [temperature.key for temperature in plan.temperatures]
    rows = tables.scan("sampled_traces", model=plan.model, temperature=keys)
    return set(rows.select("trace_id").collect()["trace_id"])


def _counts(committed: Mapping[str, int], outcomes: Outcomes, pending: Mapping[str, int]) -> dict[str, RequestCount]:
    """Planned and committed; a trace that is committed but not judged is pending in the rounds and counts once."""
    judged: Counter[str] = Counter()
    for (key, _), (answered, _) in outcomes.items():
        judged[key] += answered.bit_count()
    return {
        key: RequestCount(planned=max(committed.get(key, 0), judged[key] + left), committed=committed.get(key, 0))
        for key, left in pending.items()
    }


def _committed_per_temperature(tables: Tables, plan: SamplingPlan, prompts: pl.DataFrame) -> dict[str, int]:
    fingerprints = [temperature.fingerprint for temperature in plan.temperatures]
    rows = (
        tables.scan("sampled_traces", model=plan.model)
        .filter(pl.col("fingerprint").is_in(fingerprints) & (pl.col("sample_index") < plan.most_samples))
        .join(prompts.lazy().select("prompt_id"), on="prompt_id", how="semi")
    )
    return dict(rows.group_by("temperature").agg(pl.len()).collect().iter_rows())
