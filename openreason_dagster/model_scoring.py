"""Reward models for trainers: the scores of the table `model_rewards`, with the signature of TRL's reward functions.

Trainers that take a checkpoint score a whole completion with it. Here `helpful` sees what the pipeline shows it, the
answer after the think block, and `safety` the whole response.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.conversation import read_turns
from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.recipe_rewards import ModelReward, RewardModel
from openreason_dagster.domain.rewards.model_rewards import scored_part
from openreason_dagster.domain.rewards.policy import completions_of, policy_traces
from openreason_dagster.resources.reward_scorer import load_scorer

RewardFunction = Callable[..., list[float | None]]


def model_reward(
    reward: ModelReward, checkpoint: Path, settings: RewardModel, *, batch_size: int = 16
) -> RewardFunction:
    """A function of `prompts` and `completions`, text or messages, that gives one score per completion.

    Args:
        reward: Which part of a completion is scored.
        checkpoint: Folder of a sequence classifier.
        settings: `model` names it in messages; `label` and `maximum_tokens` as in a recipe.
        batch_size: Completions scored together.

    A score that is no finite number is None, which TRL leaves out.

    Raises:
        EngineError: the checkpoint cannot be used; of the function, the machine failed.
    """
    entry = TransformersModel(
        name=settings.model, engine="transformers", roles=["reward"], path=str(checkpoint.resolve()), revision="local",
        license="unknown", batch_size=batch_size,
    )  # fmt: skip
    scorer = load_scorer(entry, checkpoint.parent, settings)

    def score(prompts: Sequence[object], completions: Sequence[object], **_: object) -> list[float | None]:
        traces = policy_traces(completions_of(completions, prompts, opened_think=False), {})
        texts = traces.select(scored_part(reward)).to_series()
        exchanges = [(_question(prompt), text) for prompt, text in zip(prompts, texts, strict=True)]
        return [found.score for found in scorer.score(exchanges)]

    score.__name__ = f"{reward}_reward"
    return score


def _question(prompt: object) -> str:
    """The text of a prompt; of messages, that of the user's last turn."""
    if isinstance(prompt, str):
        return prompt
    asked = [turn.text for turn in read_turns(prompt) if turn.role == "user" and turn.text is not None]
    if not asked:
        raise VerificationError(
            f"prompt of type {type(prompt).__name__} has no turn of a user; expected text, or messages with one."
        )
    return asked[-1]
