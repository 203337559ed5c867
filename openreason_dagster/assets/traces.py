"""Sampled traces: what every model answers to every prompt at every temperature."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from time import monotonic
from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import announce_partition, definition_metadata, picture, preview
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.plan import RequestCount, SamplingPlan, pending_requests
from openreason_dagster.domain.inference.sampler import Progress, sample
from openreason_dagster.domain.inference.trace_rows import failure_rows, record_as_text, trace_rows
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.records import Completion, Failure
from openreason_dagster.domain.release.plots import length_histogram
from openreason_dagster.domain.release.report_data import completion_lengths
from openreason_dagster.domain.schemas import SAMPLED_TRACES, SAMPLING_PLANS
from openreason_dagster.partitions import temperatures_by_model, trace_key
from openreason_dagster.resources.model_plan import ModelPlan
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.scope import require_own
from openreason_dagster.resources.tables import Tables, partition_predicate, sql_equals
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
        group_name="traces",
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
            run = ModelRun.prepare(context, tables, workspace, model=model, temperatures=temperatures)
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
    idle_temperatures: Sequence[str]
    """Temperatures of the run that do not apply to this model."""
    left: Counter[str]
    errors: dict[str, Counter[str]] = field(default_factory=dict)
    """Failed requests per temperature and class of failure."""
    last_line: float = 0.0

    @classmethod
    def prepare(
        cls,
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        *,
        model: str,
        temperatures: Sequence[str],
    ) -> "ModelRun":
        """Find out what is asked, and what of it earlier runs have committed; loads no weights."""
        recipe = workspace.recipe()
        require_own("prompt_pool", tables, recipe)
        planned = ModelPlan.of(tables, workspace, model=model, temperatures=temperatures)
        return cls(
            context=context,
            tables=tables,
            recipe=recipe,
            model=planned,
            idle_temperatures=[key for key in temperatures if key not in planned.counts],
            left=Counter({key: count.pending for key, count in planned.counts.items()}),
        )

    @property
    def plan(self) -> SamplingPlan:
        """What is asked at each temperature."""
        return self.model.plan

    @property
    def counts(self) -> dict[str, RequestCount]:
        """Planned and committed requests at the start of the run."""
        return self.model.counts

    def execute(self, listener: ProgressListener) -> None:
        """Sample what is pending; report each temperature as soon as its last row is committed.

        Raises:
            EngineError: the engine is gone, or more requests failed than the recipe allows.
        """
        planned = sum(count.planned for count in self.counts.values())
        pending = sum(self.left.values())
        listener.started(self.plan.model, planned=planned, committed=planned - pending)
        self.context.log.info("%s: %d of %d requests to sample", self.plan.model, pending, planned)
        for key in [*self.idle_temperatures, *(key for key in self.counts if not self.left[key])]:
            self._finish(key)
        if pending:
            self._sample(listener)
        for key in [*self.idle_temperatures, *self.counts]:
            self._describe(key)
        self._require_few_failures()

    def _put_first_plans(self, keys: Iterable[str]) -> None:
        """Partitions without a plan take effect with their first traces, so that whatever is committed can be used."""
        for key in set(keys) - self._temperatures_with_plan:
            self._put_plan(key)
            self._temperatures_with_plan.add(key)

    @cached_property
    def _temperatures_with_plan(self) -> set[str]:
        rows = self.tables.scan("sampling_plans", recipe=self.recipe.name).filter(pl.col("model") == self.plan.model)
        return set(rows.select("temperature").collect()["temperature"])

    def _put_plan(self, key: str) -> None:
        temperature = self.plan.at(key)
        keys = {"recipe": self.recipe.name, "model": self.plan.model, "temperature": key}
        row = keys | {
            "fingerprint": temperature.fingerprint,
            "sampling_record": record_as_text(temperature.record),
            "planned": self.counts[key].planned,
            "planned_at": datetime.now(UTC),
        }
        self.tables.replace("sampling_plans", SAMPLING_PLANS.frame([row]), **keys)

    def _sample(self, listener: ProgressListener) -> None:
        for key in self.counts:
            if self.left[key]:
                settings = sql_equals("fingerprint", self.plan.at(key).fingerprint)
                self.tables.delete("sampling_failures", f"{self._partition(key)} AND {settings}")
        requests = pending_requests(
            self.model.prompts,
            self.plan,
            committed=self.model.committed,
            samples_available=self.model.engine.samples_available,
        )
        with self.model.engine as engine:
            sample(
                engine,
                requests,
                self._commit,
                totals=dict(self.left),
                commit_rows=self.recipe.sampling.commit_rows,
                commit_seconds=self.recipe.sampling.commit_seconds,
                progress=lambda progress: self._show(listener, progress),
            )

    def _commit(self, completions: Sequence[Completion], failures: Sequence[Failure]) -> None:
        now, run_id = datetime.now(UTC), self.context.run.run_id
        environment = self.model.engine.environment()
        rows = trace_rows(completions, self.plan, environment=environment, run_id=run_id, sampled_at=now)
        self._put_first_plans(completion.request.temperature_key for completion in completions)
        self.tables.append("sampled_traces", rows)
        self.tables.append("sampling_failures", failure_rows(failures, self.plan, run_id=run_id, failed_at=now))
        for failure in failures:
            self.errors.setdefault(failure.request.temperature_key, Counter())[failure.error] += 1
        results: list[Completion | Failure] = [*completions, *failures]
        done = Counter(result.request.temperature_key for result in results)
        self.left.subtract(done)
        for key in done:
            if not self.left[key]:
                self._finish(key)

    def _finish(self, key: str) -> None:
        """Let the partition's new traces take the place of those of earlier settings, unless too many are missing."""
        if self._has_failed(key):
            return
        if key in self.counts:
            self._put_plan(key)
        numbers = {"failed_requests": self._failures(key)}
        announce_partition(self.context, trace_key(self.plan.model, key), numbers)

    def _failures(self, key: str) -> int:
        return self.errors.get(key, Counter()).total()

    def _has_failed(self, key: str) -> bool:
        if not self._failures(key):
            return False
        return self._failures(key) > self.recipe.sampling.failed_share_limit * self.counts[key].planned

    def _describe(self, key: str) -> None:
        rows = self.tables.scan("sampled_traces", model=self.plan.model, temperature=key)
        if key in self.counts:
            rows = rows.filter(pl.col("fingerprint") == self.plan.at(key).fingerprint)
        metadata = _metadata(rows, self.model.prompts, failed=self._failures(key))
        self.context.add_asset_metadata(metadata, partition_key=trace_key(self.plan.model, key))

    def _show(self, listener: ProgressListener, progress: Progress) -> None:
        listener.advanced(self.plan.model, progress)
        if monotonic() - self.last_line >= _SECONDS_BETWEEN_LOG_LINES:
            self.last_line = monotonic()
            self.context.log.info(
                "%s: %d of %d sampled, %d failed, %.0f tokens/s",
                self.plan.model, progress.done, progress.total, progress.failed, progress.tokens_per_second,
            )  # fmt: skip

    def _require_few_failures(self) -> None:
        limit = self.recipe.sampling.failed_share_limit
        for key in filter(self._has_failed, self.counts):
            raise EngineError(
                f"model {self.plan.model!r} at temperature {key}: {self._failures(key)} of {self.counts[key].planned} "
                f"requests failed, most often with {self.errors[key].most_common(1)[0][0]!r}, over the recipe limit "
                f"`sampling.failed_share_limit` {limit:g}. The rest is committed. Table sampling_failures says why; "
                "run the partition again to try only these."
            )

    def _partition(self, key: str) -> str:
        return partition_predicate({"model": self.plan.model, "temperature": key})


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
