"""Asking a model in a role: through the sampler, with its accounts and budgets, committed as replies come."""

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from time import monotonic
from types import TracebackType
from typing import Self

import polars as pl

from openreason_dagster.domain.catalogue_entry import ModelRole
from openreason_dagster.domain.inference.allowance import Allowance
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.fingerprint import weights_identity
from openreason_dagster.domain.inference.questions import (
    Question,
    Questioning,
    Reply,
    ReplyRows,
    reply_of,
    stored_replies,
)
from openreason_dagster.domain.inference.sampler import Batch, sample
from openreason_dagster.domain.recipe_roles import RoleModel
from openreason_dagster.domain.records import Request
from openreason_dagster.resources.engines.open_engine import open_engine
from openreason_dagster.resources.ledger import allowance, ledger_rows
from openreason_dagster.resources.predicates import partition_predicate
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


class Assistant:
    """A model in a role. Weights are loaded with the first question that was not answered before.

    A question that was answered in any run is not asked again. One that failed is asked again by the next run. When a
    limit of the budget refuses a question, the listener is told once.

    Attributes:
        stopped_by: Name of the limit that refused questions; None while none has.

    Raises:
        RecipeError: the model is unknown, or does not have the role.
        EngineError: its files cannot be read.
    """

    def __init__(
        self,
        tables: Tables,
        workspace: Workspace,
        *,
        role: ModelRole,
        settings: RoleModel,
        key: str,
        run_id: str,
        progress: ProgressListener | None = None,
    ) -> None:
        """`key` is the recipe key that names the model; `run_id` the Dagster run that pays."""
        self._tables = tables
        self._recipe = workspace.recipe()
        self._entry = workspace.model_in_role(settings.model, role, key=key)
        self._folder = workspace.catalogue_folder
        self._run_id = run_id
        self._listener = progress or ProgressListener()
        self._stack = ExitStack()
        self._engine: Engine | None = None
        self._failed: dict[str, Reply] = {}
        self.stopped_by: str | None = None
        self.questioning = Questioning.of(
            role, self._entry, settings, weights=weights_identity(self._entry, self._folder)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def ask(self, questions: Iterable[Question]) -> Mapping[Question, Reply]:
        """Replies to questions, of which all are held in memory; those that the budget refuses have none.

        Raises:
            EngineError: the model is gone; what was answered is committed.
            RecipeError: the budget is stated in another currency than the model's price.
        """
        by_id = {self.questioning.reply_id(question): question for question in questions}
        found = self._committed(list(by_id)) | {key: self._failed[key] for key in by_id if key in self._failed}
        pending = {reply_id: question for reply_id, question in by_id.items() if reply_id not in found}
        if pending:
            found |= self._asked(pending)
        return {question: found[reply_id] for reply_id, question in by_id.items() if reply_id in found}

    def _committed(self, reply_ids: list[str]) -> dict[str, Reply]:
        rows = self._tables.scan("model_replies", role=self.questioning.role, model=self.questioning.model)
        answered = rows.filter(pl.col("reply_id").is_in(reply_ids) & pl.col("error").is_null())
        return stored_replies(answered.select("reply_id", "reply", "finish_reason").collect())

    def _asked(self, pending: Mapping[str, Question]) -> dict[str, Reply]:
        store = _ReplyStore(self, ReplyRows(questioning=self.questioning, questions=pending, run_id=self._run_id))
        requests = self._spending.within(map(self.questioning.request, pending.values()))
        first = next(requests, None)
        if first is not None:  # else the budget is spent already, and no weights are loaded for nothing
            self._sample(chain([first], requests), store, total=len(pending))
        self._failed |= {reply_id: reply for reply_id, reply in store.replies.items() if reply.failure is not None}
        if len(store.replies) < len(pending):
            self._tell_limit()
        return store.replies

    def _sample(self, requests: Iterable[Request | None], store: "_ReplyStore", *, total: int) -> None:
        spending = self._spending
        sample(
            self._entered(),
            requests,
            store=store.put,
            stored=lambda _batch, _nothing: None,
            totals=lambda: {self.questioning.role: total},
            commit_rows=self._recipe.sampling.commit_rows,
            commit_seconds=self._recipe.sampling.commit_seconds,
            progress=lambda progress: self._listener.replied(
                self.questioning.model, progress, role=self.questioning.role, money=spending.spent_money()
            ),
            goes_on=spending.settles_in_time,
        )

    def _tell_limit(self) -> None:
        limit = self._spending.reached
        if limit is not None and limit != self.stopped_by:
            self.stopped_by = limit
            self._listener.stopped(self.questioning.model, limit=limit)

    @cached_property
    def _spending(self) -> Allowance:
        """One for all calls, so that limits on a run hold for their sum."""
        return allowance(self._tables, self._recipe, self._entry, run_id=self._run_id)

    def _entered(self) -> Engine:
        if self._engine is None:
            self._forget_failures()
            self._engine = self._stack.enter_context(open_engine(self._entry, self._folder))
        return self._engine

    def _forget_failures(self) -> None:
        """Drop the failures that this run tries again."""
        keys = {"role": self.questioning.role, "model": self.questioning.model}
        settings = {"fingerprint": self.questioning.fingerprint}
        self._tables.delete("model_replies", f"{partition_predicate(keys | settings)} AND error IS NOT NULL")

    def commit(self, batch: Batch, rows: ReplyRows, *, seconds: float) -> None:
        """Make replies durable, what they cost first."""
        cost = ledger_rows(batch, self._entry, recipe=self._recipe.name, run_id=self._run_id, seconds=seconds)
        self._tables.append("sampling_ledger", cost)
        environment = json.dumps(self._entered().environment(), sort_keys=True, ensure_ascii=False)
        self._tables.append(
            "model_replies", rows.of(batch.results, environment=environment, replied_at=datetime.now(UTC))
        )


class _ReplyStore:
    """Commits the batches of one call, and keeps their replies."""

    def __init__(self, assistant: Assistant, rows: ReplyRows) -> None:
        self._assistant = assistant
        self._rows = rows
        self._last_commit = monotonic()
        self.replies: dict[str, Reply] = {}

    def put(self, batch: Batch) -> None:
        self._last_commit, seconds = (moment := monotonic()), moment - self._last_commit
        self._assistant.commit(batch, self._rows, seconds=seconds)
        self.replies |= {result.request.trace_id: reply_of(result) for result in batch.results}
