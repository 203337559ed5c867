"""Scores of reward models for the responses of the tables, committed as they come and never computed twice."""

from collections.abc import Iterable

import polars as pl

from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.inference.fingerprint import weights_identity
from openreason_dagster.domain.recipe_rewards import ModelReward, RewardModel
from openreason_dagster.domain.rewards.model_rewards import responses, scored_part, scorer_fingerprint
from openreason_dagster.domain.schemas import MODEL_REWARDS
from openreason_dagster.resources.reward_scorer import RewardScorer, reward_scorer
from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_COMMIT = 1_000
_KEYS = ("trace_id", "prompt_id", "model", "temperature")


def score_responses(tables: Tables, workspace: Workspace) -> pl.LazyFrame:
    """Score what the recipe's reward models have not scored yet; returns the rows that hold for the recipe.

    Raises:
        RecipeError: a reward model is unknown or does not have the role `reward`.
        EngineError: it cannot be loaded, or the machine failed; what was scored is committed.
    """
    rewards = workspace.recipe().rewards
    wanted = responses(recipe_tables(tables, workspace), rewards.domains)
    parts = [_scored(tables, workspace, reward, model, wanted) for reward, model in rewards.named.items()]
    return pl.concat(parts) if parts else tables.scan("model_rewards").clear()


def _scored(
    tables: Tables, workspace: Workspace, reward: ModelReward, settings: RewardModel, wanted: pl.LazyFrame
) -> pl.LazyFrame:
    entry = _entry(workspace, reward, settings)
    weights = weights_identity(entry, workspace.catalogue_folder)
    fingerprint = scorer_fingerprint(
        settings, revision=entry.revision, dtype=entry.dtype, weights=weights, reward=reward
    )  # fmt: skip
    known = tables.scan("model_rewards", reward=reward).filter(pl.col("fingerprint") == fingerprint).select("trace_id")
    pending = wanted.join(known, on="trace_id", how="anti").select(*_KEYS, "prompt", text=scored_part(reward))
    batches = pending.collect_batches(chunk_size=_ROWS_PER_COMMIT, engine="streaming")
    shared = {"reward": reward, "scorer": entry.name, "revision": entry.revision, "fingerprint": fingerprint}
    first = next((batch for batch in batches if batch.height), None)
    if first is not None:  # else no weights are loaded for nothing
        with reward_scorer(entry, workspace.catalogue_folder, settings) as scorer:
            _commit(tables, scorer, [first], shared)
            _commit(tables, scorer, batches, shared)
    rows = tables.scan("model_rewards", reward=reward).filter(pl.col("fingerprint") == fingerprint)
    return rows.join(wanted.select("trace_id"), on="trace_id", how="semi")


def _commit(tables: Tables, scorer: RewardScorer, batches: Iterable[pl.DataFrame], shared: dict[str, str]) -> None:
    for batch in batches:
        scores = scorer.score(batch.select("prompt", "text").rows())
        found = [key | vars(score) | shared for key, score in zip(batch.select(_KEYS).to_dicts(), scores, strict=True)]
        tables.append("model_rewards", MODEL_REWARDS.frame(found))


def _entry(workspace: Workspace, reward: ModelReward, settings: RewardModel) -> TransformersModel:
    key = f"rewards.{reward}.model"
    entry = workspace.model_in_role(settings.model, "reward", key=key)
    assert isinstance(entry, TransformersModel)  # a catalogue entry with this role has no other engine
    return entry
