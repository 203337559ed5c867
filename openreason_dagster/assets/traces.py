"""Sampled traces: what every model answers to every prompt at every temperature."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic
from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import announce_partition, definition_metadata, picture, preview
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.allowance import Allowance
from openreason_dagster.domain.inference.cost import estimate
from openreason_dagster.domain.inference.plan import SamplingPlan
from openreason_dagster.domain.inference.sampler import Batch, Progress, sample
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.records import Request
from openreason_dagster.domain.release.plots import length_histogram
from openreason_dagster.domain.release.report_data import completion_lengths
from openreason_dagster.domain.schemas import SAMPLED_TRACES
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.partitions import temperatures_by_model, trace_key
from openreason_dagster.resources.judging import judge_here, verify_partition
from openreason_dagster.resources.ledger import allowance
from openreason_dagster.resources.model_plan import ModelPlan, sampling_plan, sampling_rule
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.scope import require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.trace_store import TraceStore
from openreason_dagster.resources.verification_workers import verification_workers
from openreason_dagster.resources.workspace import Workspace

SAMPLING_POOL = "gpu"
"""Dagster pool of runs that hold a model in memory; its limit says how many may at once."""
_SECONDS_BETWEEN_LOG_LINES = 10.0


def sampled_traces(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Asset: completions of one model at one temperature per partition; what is committed is never sampled again."""

    @dg.asset(
        name="sampled_traces",
        deps=["prompt_pool"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=SAMPLING_POOL,
        group_name="traces_and_OR5",
        kinds={"deltalake"},
        metadata=definition_metadata(SAMPLED_TRACES),
        description=SAMPLED_TRACES.description,
    )
    def asset(
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        progress: dg.ResourceParam[ProgressListener],
    ) -> dg.MaterializeResult[None]:
        for model, temperatures in temperatures_by_model(context.partition_keys).items():
            with verification_workers(workspace.recipe().verification) as judges:
                run = ModelRun.prepare(context, tables, workspace, judges, model=model, temperatures=temperatures)
                run.execute(progress)
        return dg.MaterializeResult()

    return asset


@dataclass
class ModelRun:
    """One model in one Dagster run: what is left of its plan, and the events as temperatures finish."""

    context: dg.AssetExecutionContext
    tables: Tables
    recipe: Recipe
    model: ModelPlan
    store: TraceStore
    allowance: Allowance
    idle_temperatures: Sequence[str]
    """Temperatures of the run that do not apply to this model."""
    unfinished: set[str]
    """Temperatures with requests to ask or to wait for."""
    errors: dict[str, Counter[str]] = field(default_factory=dict)
    """Failed requests per temperature and class of failure."""
    verdicts: Counter[bool] = field(default_factory=Counter)
    """Traces of this run that were judged while sampling, all of them or a few, by whether they are correct."""
    last_line: float = 0.0

    @classmethod
    def prepare(
        cls,
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        judges: Workers,
        *,
        model: str,
        temperatures: Sequence[str],
    ) -> "ModelRun":
        """Find out what is asked, and what of it earlier runs have committed; loads no weights.

        In rounds, what to ask depends on verdicts, so committed traces that have none yet are judged first.
        """
        recipe = workspace.recipe()
        require_own("prompt_pool", tables, recipe)
        plan = sampling_plan(workspace, workspace.model(model), temperatures)
        asks_in_rounds = sampling_rule(workspace, plan) is not None
        if asks_in_rounds:
            for temperature in plan.temperatures:
                verify_partition(tables, judge_here(judges), model=model, temperature=temperature.key)
        planned = ModelPlan.of(tables, workspace, model=model, temperatures=temperatures)
        return cls(
            context=context,
            tables=tables,
            recipe=recipe,
            model=planned,
            store=TraceStore(tables, recipe.name, context.run.run_id, planned, judges if asks_in_rounds else None),
            allowance=allowance(tables, recipe, planned.entry),
            idle_temperatures=[key for key in temperatures if key not in planned.counts],
            unfinished={key for key, count in planned.counts.items() if count.pending},
        )

    @property
    def plan(self) -> SamplingPlan:
        """What is asked at each temperature."""
        return self.model.plan

    def execute(self, listener: ProgressListener) -> None:
        """Sample what is pending; report each temperature as soon as its last row is committed.

        Raises:
            EngineError: the engine is gone, or more requests failed than the recipe allows.
        """
        counts = self.model.counts
        pending = sum(count.pending for count in counts.values())
        expected = estimate(
            counts,
            self.tables.scan("sampling_ledger", recipe=self.recipe.name),
            model=self.plan.model,
            max_tokens=self.recipe.sampling.max_tokens,
            price=self.model.entry.price,
        )
        listener.started(self.plan.model, committed=sum(count.committed for count in counts.values()), left=expected)
        self.context.log.info("%s: %s", self.plan.model, expected.in_words())
        for key in [*self.idle_temperatures, *(key for key in counts if key not in self.unfinished)]:
            self._finish(key)
        if pending:
            self._sample(listener)
        for key in [*self.idle_temperatures, *counts]:
            self._describe(key)
        self._require_few_failures()

    def _sample(self, listener: ProgressListener) -> None:
        requests = self.allowance.within(self.model.source)
        first = next(requests, None)
        if first is not None:  # else the budget is spent already, and no weights are loaded for nothing
            self.store.forget_failures(self.unfinished)
            self._ask(chain([first], requests), listener)
        if self.allowance.reached and self.unfinished:
            listener.stopped(self.plan.model, limit=self.allowance.reached)
            self.context.log.warning(
                "%s: the limit %s is reached, so %s stays partial; raise it and run again to go on",
                self.plan.model, self.allowance.reached, ", ".join(sorted(self.unfinished)),
            )  # fmt: skip

    def _ask(self, requests: Iterable[Request | None], listener: ProgressListener) -> None:
        with self.model.engine as engine:
            sample(
                engine,
                requests,
                store=self.store.put,
                stored=self._stored,
                totals=self.model.source.totals,
                awaits_results=self.model.source.awaits_results,
                commit_rows=self.recipe.sampling.commit_rows,
                commit_seconds=self.recipe.sampling.commit_seconds,
                progress=lambda progress: self._show(listener, progress),
                goes_on=self.allowance.settles_in_time,
            )

    def _stored(self, batch: Batch, correct: Mapping[str, bool]) -> None:
        for failure in batch.failures:
            self.errors.setdefault(failure.request.temperature_key, Counter())[failure.error] += 1
        for result in batch.results:
            self.model.source.record(result, is_correct=correct.get(result.request.trace_id, False))
        self.verdicts.update(correct.values())
        for key in [key for key in self.model.counts if key in self.unfinished and self.model.source.is_settled(key)]:
            self.unfinished.remove(key)
            self._finish(key)

    def _finish(self, key: str) -> None:
        """Let the partition's new traces take the place of those of earlier settings, unless too many are missing."""
        if self._has_failed(key):
            return
        if key in self.model.counts:
            self.store.put_plan(key, planned=self._planned(key))
        announce_partition(
            self.context, trace_key(self.plan.model, key), {"failed_requests": self._failures(key), "partial": 0}
        )

    def _planned(self, key: str) -> int:
        """Traces asked for; in rounds it grows while prompts are not settled."""
        return self.model.counts[key].committed + self.model.source.totals()[key]

    def _failures(self, key: str) -> int:
        return self.errors.get(key, Counter()).total()

    def _has_failed(self, key: str) -> bool:
        if not self._failures(key):
            return False
        return self._failures(key) > self.recipe.sampling.failed_share_limit * self._planned(key)

    def _describe(self, key: str) -> None:
        rows = self.tables.scan("sampled_traces", model=self.plan.model, temperature=key)
        if key in self.model.counts:
            rows = rows.filter(pl.col("fingerprint") == self.plan.at(key).fingerprint)
        metadata = _metadata(rows, self.model.prompts, failed=self._failures(key))
        if key in self.unfinished and self.allowance.reached:
            metadata |= {"partial": 1, "stopped_by": self.allowance.reached}
        self.context.add_asset_metadata(metadata, partition_key=trace_key(self.plan.model, key))

    def _show(self, listener: ProgressListener, progress: Progress) -> None:
        acceptance = self.verdicts[True] / self.verdicts.total() if self.verdicts else None
        listener.advanced(self.plan.model, progress, money=self.allowance.spent_money(), acceptance=acceptance)
        if monotonic() - self.last_line >= _SECONDS_BETWEEN_LOG_LINES:
            self.last_line = monotonic()
            self.context.log.info(
                "%s: %d of %d sampled, %d failed, %.0f tokens/s%s",
                self.plan.model, progress.done, progress.total, progress.failed, progress.tokens_per_second,
                "" if acceptance is None else f", {acceptance:.0%} correct so far",
            )  # fmt: skip

    def _require_few_failures(self) -> None:
        limit = self.recipe.sampling.failed_share_limit
        for key in filter(self._has_failed, self.model.counts):
            raise EngineError(
                f"model {self.plan.model!r} at temperature {key}: {self._failures(key)} of {self._planned(key)} "
                f"requests failed, most often with {self.errors[key].most_common(1)[0][0]!r}, over the recipe limit "
                f"`sampling.failed_share_limit` {limit:g}. The rest is committed. Table sampling_failures says why; "
                "run the partition again to try only these."
            )


def _metadata(rows: pl.LazyFrame, prompts: pl.DataFrame, *, failed: int) -> dict[str, Any]:
    lengths = rows.select("completion_tokens", "finish_reason").collect()
    tokens = lengths["completion_tokens"]
    example = rows.head(3).join(prompts.lazy(), on="prompt_id").select("prompt", "reasoning", "answer").collect()
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": lengths.height,
        "failed_requests": failed,
        "completion_tokens": int(tokens.sum() or 0),
        "truncated": int((lengths["finish_reason"] == "length").sum()),
        "preview": preview(example),
    }
    if tokens.drop_nulls().len():
        metadata["plot"] = picture(length_histogram, completion_lengths(rows), "Completion lengths")
    return metadata
