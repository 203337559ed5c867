"""Measure the starter reward models on held-out requests and write their model cards.

Run from the repository root: ``python -m starter.evaluate_rewards``. Scores are those that trainers get.
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from statistics import mean

from openreason_dagster.domain.recipe_rewards import ModelReward, RewardModel
from openreason_dagster.model_scoring import RewardFunction, model_reward
from starter.evaluate import SEED
from starter.evaluate_writer import share
from starter.judge_answers import FAULTS, answer_to, task_from
from starter.judge_responses import LABELLINGS, labelling_from
from starter.reward_card import write_card
from starter.train import MODELS_FOLDER

Measured = dict[str, dict[str, float]]


def measure_helpful(reward: RewardFunction, *, each: int) -> Measured:
    """Of each fault: pairs in which the good answer is scored higher, and the mean of both scores."""
    return {kind: _compared(reward, kind, each) for kind in FAULTS}


def measure_safety(reward: RewardFunction, *, each: int) -> Measured:
    """Of each kind of response: those on the right side of one half, and the mean probability of `safe`."""
    return {kind: _labelled(reward, kind, each) for kind in LABELLINGS}


def _compared(reward: RewardFunction, kind: str, each: int) -> dict[str, float]:
    rng = random.Random(f"helpful/{kind}/{SEED}")
    tasks = [task_from(rng, split="held_out") for _ in range(each)]
    good = _scores(reward, [(task.request, answer_to(task, "good", rng).text) for task in tasks])
    faulty = _scores(reward, [(task.request, answer_to(task, kind, rng).text) for task in tasks])
    higher = [better > worse for better, worse in zip(good, faulty, strict=True)]
    return {"higher": share(higher), "good": mean(good), "faulty": mean(faulty)}


def _labelled(reward: RewardFunction, kind: str, each: int) -> dict[str, float]:
    rng = random.Random(f"safety/{kind}/{SEED}")
    cases = [labelling_from(kind, rng, split="held_out") for _ in range(each)]
    found = _scores(reward, [(case.request, case.text) for case in cases])
    right = [(score > 0.5) == (case.label == "safe") for case, score in zip(cases, found, strict=True)]
    return {"right": share(right), "mean": mean(found)}


def _scores(reward: RewardFunction, exchanges: list[tuple[str, str]]) -> list[float]:
    prompts, completions = zip(*exchanges, strict=True)
    return [score for score in reward(prompts=prompts, completions=completions) if score is not None]


MEASURES: dict[ModelReward, Callable[..., Measured]] = {"helpful": measure_helpful, "safety": measure_safety}
LABEL: dict[ModelReward, str | None] = {"helpful": None, "safety": "safe"}


def reward_of(folder: Path, kind: ModelReward) -> RewardFunction:
    """The scores of the model in ``folder``, as trainers get them."""
    return model_reward(kind, folder, RewardModel(model=folder.name, label=LABEL[kind]))


def evaluate(folder: Path, kind: ModelReward, *, each: int) -> None:
    """Measure the model in ``folder`` on ``each`` held-out cases per kind and write its card."""
    measured = MEASURES[kind](reward_of(folder, kind), each=each)
    training = json.loads((folder / "training.json").read_text())
    write_card(folder, kind, training=training, measured=measured, each=each)
    print((folder / "README.md").read_text())


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=MODELS_FOLDER, help="where the folders of both models are")
    parser.add_argument("--each", type=int, default=200, help="held-out cases per kind")
    arguments = parser.parse_args()
    for kind in MEASURES:
        evaluate(arguments.folder / f"starter-{kind}", kind, each=arguments.each)


if __name__ == "__main__":
    main()
