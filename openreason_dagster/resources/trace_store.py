"""Where the results of one run of one model go: traces, failures, their cost, and verdicts where they are awaited."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from time import monotonic

import polars as pl

from openreason_dagster.domain.inference.sampler import Batch
from openreason_dagster.domain.inference.trace_rows import failure_rows, record_as_text, trace_rows
from openreason_dagster.domain.schemas import SAMPLING_PLANS
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.resources.judging import glance_at_rows, verify_rows
from openreason_dagster.resources.ledger import ledger_rows
from openreason_dagster.resources.model_plan import ModelPlan
from openreason_dagster.resources.predicates import partition_predicate
from openreason_dagster.resources.tables import Tables


@dataclass
class TraceStore:
    """Commits batches of one run. What was spent is written first: work that is lost after it was still paid for."""

    tables: Tables
    recipe: str
    run_id: str
    model: ModelPlan
    judges: Workers | None
    """Processes that judge each batch, when the next requests depend on verdicts."""
    clock: Callable[[], float] = monotonic
    _last_commit: float = field(init=False)

    def __post_init__(self) -> None:
        self._last_commit = self.clock()

    def put(self, batch: Batch) -> Mapping[str, bool]:
        """Make a batch durable; returns whether trace_ids are correct: of all if judged here, else of a few."""
        now, plan = datetime.now(UTC), self.model.plan
        environment = self.model.engine.environment()
        rows = trace_rows(batch.completions, plan, environment=environment, run_id=self.run_id, sampled_at=now)
        self._put_first_plans(completion.request.temperature_key for completion in batch.completions)
        self.tables.append("sampling_ledger", self._ledger_rows(batch))
        self.tables.append("sampled_traces", rows)
        failures = failure_rows(batch.failures, plan, run_id=self.run_id, failed_at=now)
        self.tables.append("sampling_failures", failures)
        if self.judges is None:
            return glance_at_rows(rows, self.model.prompts)
        return verify_rows(self.tables, self.judges, rows, self.model.prompts)

    def put_plan(self, key: str, *, planned: int) -> None:
        """Let the traces of the current settings take the place of those of earlier ones."""
        temperature = self.model.plan.at(key)
        keys = {"recipe": self.recipe, "model": self.model.plan.model, "temperature": key}
        row = keys | {
            "fingerprint": temperature.fingerprint,
            "sampling_record": record_as_text(temperature.record),
            "planned": planned,
            "planned_at": datetime.now(UTC),
        }
        self.tables.replace("sampling_plans", SAMPLING_PLANS.frame([row]), **keys)

    def forget_failures(self, keys: Iterable[str]) -> None:
        """Drop the failures that this run tries again."""
        for key in keys:
            temperature = {"model": self.model.plan.model, "temperature": key}
            settings = {"fingerprint": self.model.plan.at(key).fingerprint}
            self.tables.delete("sampling_failures", partition_predicate(temperature | settings))

    def _put_first_plans(self, keys: Iterable[str]) -> None:
        """Partitions without a plan take effect with their first traces, so that whatever is committed can be used."""
        for key in set(keys) - self._temperatures_with_plan:
            self.put_plan(key, planned=self.model.counts[key].planned)
            self._temperatures_with_plan.add(key)

    @cached_property
    def _temperatures_with_plan(self) -> set[str]:
        rows = self.tables.scan("sampling_plans", recipe=self.recipe).filter(pl.col("model") == self.model.plan.model)
        return set(rows.select("temperature").collect()["temperature"])

    def _ledger_rows(self, batch: Batch) -> pl.DataFrame:
        self._last_commit, seconds = (moment := self.clock()), moment - self._last_commit
        return ledger_rows(batch, self.model.entry, recipe=self.recipe, run_id=self.run_id, seconds=seconds)
