"""Rewards for trainers: the verifiers and rewards that made the data, with the signatures of TRL and verl.

TRL's `GRPOTrainer` takes `r1_reward`, or `accuracy_reward`, `format_reward` and `language_consistency_reward`, as
`reward_funcs`; the data set's columns `reference_answer`, `verifier`, `verifier_spec` and `language` reach them by
their names. verl takes `compute_score` as its custom reward function, and the same values from `ground_truth` and
`extra_info`. Answers are judged in processes that are killed when they hang, and code in the sandbox that
`OPENREASON_SANDBOX` names, so that no completion can stop a trainer.

The functions share one `Scorer`, which starts its processes at the first answer that needs one. Polars, which the
rewards are computed with, does not work in a process that was forked after its first use: spawn trainers' processes.
"""

import atexit
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from threading import Lock

import polars as pl

from openreason_dagster.domain.recipe import RewardWeights
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.rewards.language_consistency import language_counts
from openreason_dagster.domain.rewards.policy import COLUMNS, completions_of, policy_traces, with_verdicts
from openreason_dagster.domain.rewards.registry import REWARDS
from openreason_dagster.domain.rewards.score import score_batch
from openreason_dagster.domain.verification.code_workers import WorkersWithSandbox
from openreason_dagster.domain.verification.registry import Comparison, judge_directly
from openreason_dagster.domain.verification.workers import Judged
from openreason_dagster.resources.sandbox.open_sandbox import open_sandbox
from openreason_dagster.resources.settings import Settings

Rewards = list[float | None]
"""One number per completion; None where no machine could tell whether the answer is right."""

_WITHOUT_WORDS = 1.0
"""Language consistency where there are no words to count, as in the total."""


class Scorer:
    """Rewards with settings of one's own; usable from several threads.

    Args:
        weights: of the total; R1's, an unweighted sum, when left out.
        verification: limits of judging; a recipe's defaults when left out.
        opened_think: whether the chat template of the policy ends a prompt inside a think block. Completions whose
            block never closes then have no answer; prompts that are text tell it themselves.
    """

    def __init__(
        self,
        *,
        weights: RewardWeights | None = None,
        verification: Verification | None = None,
        opened_think: bool = False,
    ) -> None:
        self._weights = weights or RewardWeights()
        self._opened_think = opened_think
        self._workers = _SharedWorkers(verification or Verification())
        self._process = os.getpid()
        atexit.register(self.close)

    def accuracy(self, completions: Sequence[object], **columns: object) -> Rewards:
        """1 for a right answer, 0 for a wrong one or none; TRL's signature.

        Raises:
            VerificationError: a column is missing or of another length, a kind is unknown, or workers cannot start.
            SandboxError: a program has to run and no sandbox can be used.
        """
        return self._reward("accuracy", with_verdicts(self._traces(completions, columns), self._workers))

    def format(self, completions: Sequence[object], **columns: object) -> Rewards:
        """1 where one closed think block is followed by an answer, else 0; TRL's signature."""
        return self._reward("format", self._traces(completions, columns))

    def language_consistency(self, completions: Sequence[object], **columns: object) -> Rewards:
        """Share of the reasoning's words in the prompt's language, 1 where there are no words; TRL's signature."""
        traces = self._traces(completions, columns)
        shares = self._reward("language_consistency", traces.hstack(language_counts(traces)))
        return [_WITHOUT_WORDS if share is None else share for share in shares]

    def total(self, completions: Sequence[object], **columns: object) -> Rewards:
        """The weighted sum of all rewards, null where the answer could not be judged; TRL's signature.

        Raises:
            VerificationError, SandboxError: as for `accuracy`.
        """
        return self.scores(completions, **columns)["reward_total"].to_list()

    def scores(self, completions: Sequence[object], **columns: object) -> pl.DataFrame:
        """`verdict`, each `reward_<name>` and `reward_total`, a row per completion.

        Raises:
            VerificationError, SandboxError: as for `accuracy`.
        """
        judged = with_verdicts(self._traces(completions, columns), self._workers)
        names = [f"reward_{name}" for name in REWARDS]
        return judged.select("verdict").hstack(score_batch(judged, self._weights).select(*names, "reward_total"))

    def compute_score(
        self,
        data_source: str,
        solution_str: str,
        ground_truth: str,
        extra_info: Mapping[str, object] | None = None,
        **_: object,
    ) -> dict[str, float]:
        """The total as `score`, each reward, and `judged`, 0 where the answer could not be judged; verl's signature.

        verl knows no missing reward: what could not be judged scores 0, and can be left out by `judged`.

        Raises:
            VerificationError, SandboxError: as for `accuracy`.
        """
        given = {name: [value] for name, value in (extra_info or {}).items() if name in COLUMNS}
        reference = {"reference_answer": [ground_truth or None]}
        (row,) = self.scores([solution_str], **(given | reference)).iter_rows(named=True)
        rewards = {name: row[f"reward_{name}"] for name in REWARDS} | {"score": row["reward_total"]}
        unknown = {"language_consistency": _WITHOUT_WORDS}
        numbers = {name: unknown.get(name, 0.0) if value is None else float(value) for name, value in rewards.items()}
        return numbers | {"judged": float(row["reward_accuracy"] is not None)}

    def close(self) -> None:
        """End the processes; the next answer starts new ones. A forked process leaves its parent's alone."""
        if os.getpid() == self._process:
            self._workers.close()

    def _traces(self, completions: Sequence[object], columns: Mapping[str, object]) -> pl.DataFrame:
        prompts = columns.get("prompts")
        asked = prompts if isinstance(prompts, Sequence) else None
        return policy_traces(completions_of(completions, asked, opened_think=self._opened_think), columns)

    def _reward(self, name: str, rows: pl.DataFrame) -> Rewards:
        return REWARDS[name](rows).to_list()


class _SharedWorkers(WorkersWithSandbox):
    """Workers that several threads use: what needs a process waits for its turn, what is plain does not."""

    def __init__(self, limits: Verification) -> None:
        place = Settings.from_environment().sandbox
        super().__init__(
            count=limits.workers,
            timeout_seconds=limits.timeout_seconds,
            memory_megabytes=limits.memory_megabytes,
            open_sandbox=lambda: open_sandbox(place),
            limits=limits.code.limits,
        )
        self._turn = Lock()

    def judge(self, items: Iterable[Comparison]) -> Iterator[Judged]:
        """Yield each comparison once with its judgement; raises what `WorkersWithSandbox.judge` does."""
        waiting = []
        for item in items:
            judgement = judge_directly(item)
            if judgement is None:
                waiting.append(item)
            else:
                yield item, judgement
        with self._turn:
            judged = list(super().judge(waiting))
        yield from judged

    def close(self) -> None:
        """End the processes."""
        with self._turn:
            self.__exit__(None, None, None)


def accuracy_reward(completions: Sequence[object], **columns: object) -> Rewards:
    """`Scorer.accuracy` of this process's scorer."""
    return _scorer().accuracy(completions, **columns)


def format_reward(completions: Sequence[object], **columns: object) -> Rewards:
    """`Scorer.format` of this process's scorer."""
    return _scorer().format(completions, **columns)


def language_consistency_reward(completions: Sequence[object], **columns: object) -> Rewards:
    """`Scorer.language_consistency` of this process's scorer."""
    return _scorer().language_consistency(completions, **columns)


def r1_reward(completions: Sequence[object], **columns: object) -> Rewards:
    """`Scorer.total` of this process's scorer: accuracy, format and language consistency, summed unweighted."""
    return _scorer().total(completions, **columns)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, object] | None = None,
    **settings: object,
) -> dict[str, float]:
    """`Scorer.compute_score` of this process's scorer."""
    return _scorer().compute_score(data_source, solution_str, ground_truth, extra_info, **settings)


@lru_cache(maxsize=1)
def _scorer() -> Scorer:
    return Scorer()
