"""Responses that reward models score, and which part of a response each of them sees.

R1's helpfulness reward looks at the final summary alone, so that it does not interfere with the reasoning; its safety
reward looks at reasoning and summary (Nature 645, 633-638, equations 5 and 6).
"""

from collections.abc import Mapping, Sequence

import polars as pl

from openreason_dagster.domain.datasets.non_reasoning_data import NOT_SAMPLED
from openreason_dagster.domain.datasets.open_answers import whole_response
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_rewards import ModelReward, RewardModel
from openreason_dagster.domain.records import Domain

VERSION = "reward-model-1"
_COLUMNS = ("trace_id", "prompt_id", "model", "temperature", "prompt", "reasoning", "answer")


def scored_part(reward: ModelReward) -> pl.Expr:
    """The text that a reward model sees, of columns `reasoning` and `answer`."""
    parts = {"helpful": pl.col("answer").str.strip_chars(), "safety": whole_response()}
    return parts[reward]


def responses(tables: Mapping[str, pl.LazyFrame], domains: Sequence[Domain] | None = None) -> pl.LazyFrame:
    """trace_id, prompt_id, model, temperature, prompt, reasoning and answer of every response that has an answer.

    Args:
        tables: the recipe's sampled_traces, prompt_pool, chat_sft_data and cot_prompted_traces; of conversations
            single exchanges are taken.
        domains: of the prompts; None for all.
    """
    turns = pl.col("messages").list
    prompts = tables["prompt_pool"].select("prompt_id", "prompt", "domain")
    conversations = (
        tables["chat_sft_data"]
        .filter(turns.len() == 2)
        .with_columns(
            trace_id="conversation_id",
            model=pl.lit(NOT_SAMPLED),
            temperature=pl.lit(NOT_SAMPLED),
            prompt=turns.first().struct.field("content"),
            reasoning=pl.lit(""),
            answer=turns.last().struct.field("content"),
        )
    )
    parts = (
        tables["sampled_traces"].join(prompts, on="prompt_id", how="inner"),
        conversations,
        tables["cot_prompted_traces"],
    )
    wanted = pl.lit(value=True) if domains is None else pl.col("domain").is_in(domains)
    has_answer = pl.col("answer").str.contains(r"\S")
    return pl.concat([part.filter(wanted, has_answer).select(_COLUMNS) for part in parts])


def scorer_fingerprint(
    settings: RewardModel, *, revision: str, dtype: str, weights: Mapping[str, str], reward: ModelReward
) -> str:
    """Hash of what can change a score; `weights` is what `fingerprint.weights_identity` found."""
    record = settings.model_dump() | {"revision": revision, "dtype": dtype, "weights": dict(weights), "reward": reward}
    return stable_hash([VERSION, record])
