"""What a release holds is trained on by the real trainers: a step each of SFT, GRPO, DPO, KTO and reward models."""

from pathlib import Path

import pytest
from example_tables import filled_rows
from small_workspace import STARTER_MODELS
from sums_release import FORMATS, ROWS, write_sums_release

from openreason_dagster.resources.model_rewards import score_responses
from openreason_dagster.scoring import format_reward, r1_reward

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings are those of the trainers
MODEL = str(STARTER_MODELS / "starter-small")
SFT_FORMATS = [name for name in FORMATS if not name.startswith(("rl_prompts", "sharegpt", "preference", "safety"))]
STEP = {
    "max_steps": 1, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False, "report_to": [],
    "save_strategy": "no", "disable_tqdm": True, "logging_strategy": "no",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_sums_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def load(folder, tmp_path_factory):
    from datasets import load_dataset

    cache = str(tmp_path_factory.mktemp("cache"))
    return lambda name: load_dataset(str(folder), name, split="train", cache_dir=cache)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "rl_prompts_jsonl"])
def test_datasets_loads_each_configuration_by_its_name(load, name):
    assert len(load(name)) == len(ROWS)


def test_datasets_loads_json_lines_by_their_path(folder, tmp_path):
    from datasets import load_dataset

    data = load_dataset(
        "json", data_files=str(folder / "rl_prompts_jsonl" / "train-*.jsonl"), split="train", cache_dir=str(tmp_path)
    )
    assert data["prompt"][0] == "What is 12 + 15?"


@pytest.mark.parametrize("name", SFT_FORMATS)
def test_sft_trainer_takes_a_step(load, tmp_path, name):
    from trl import SFTConfig, SFTTrainer

    arguments = SFTConfig(output_dir=str(tmp_path), max_length=128, **STEP)
    trainer = SFTTrainer(model=MODEL, args=arguments, train_dataset=load(name))
    assert trainer.train().training_loss > 0


def test_grpo_trainer_takes_a_step_with_our_rewards(load, tmp_path):
    from trl import GRPOConfig, GRPOTrainer

    arguments = GRPOConfig(
        output_dir=str(tmp_path), num_generations=2, max_completion_length=48, temperature=1.0, **STEP
    )
    trainer = GRPOTrainer(
        model=MODEL, reward_funcs=[r1_reward, format_reward], args=arguments, train_dataset=load("rl_prompts")
    )
    trainer.train()
    metrics = trainer.state.log_history[-1]
    assert 0 < metrics["rewards/format_reward/mean"] <= 1, "the model was trained to write this format"
    assert 0 < metrics["rewards/r1_reward/mean"] <= 3


def test_dpo_trainer_takes_a_step(load, tmp_path):
    from trl import DPOConfig, DPOTrainer

    arguments = DPOConfig(output_dir=str(tmp_path), max_length=128, **STEP)
    trainer = DPOTrainer(model=MODEL, args=arguments, train_dataset=load("preference"))
    assert trainer.train().training_loss > 0


def test_kto_trainer_takes_a_step_with_safety_labels(load, tmp_path):
    from trl import KTOConfig, KTOTrainer

    arguments = KTOConfig(output_dir=str(tmp_path), max_length=128, **STEP)
    trainer = KTOTrainer(model=MODEL, args=arguments, train_dataset=load("safety"))
    assert trainer.train().training_loss > 0


def test_reward_trainer_takes_a_step(load, tmp_path):
    from trl import RewardConfig, RewardTrainer

    arguments = RewardConfig(output_dir=str(tmp_path), max_length=128, **STEP)
    trainer = RewardTrainer(model=MODEL, args=arguments, train_dataset=load("preference"))
    assert trainer.train().training_loss > 0


def test_reward_model_trained_on_our_pairs_scores_chosen_above_rejected(load, small, tmp_path):
    """From the release by the trainer's checkpoint and a file of the catalogue back to scores of our responses."""
    from trl import RewardConfig, RewardTrainer

    steps = STEP | {"max_steps": 40, "per_device_train_batch_size": 8}
    arguments = RewardConfig(output_dir=str(tmp_path), max_length=128, learning_rate=1e-3, **steps)
    trainer = RewardTrainer(model=MODEL, args=arguments, train_dataset=load("preference"))
    trainer.train()
    trainer.save_model(str(tmp_path / "kind"))
    small.write_model({
        "name": "kind", "engine": "transformers", "roles": ["reward"], "path": str(tmp_path / "kind"), "threads": 1,
        "revision": "1", "license": "Apache-2.0",
    })  # fmt: skip
    small.write_recipe(rewards={"safety": {"model": "kind"}})
    small.tables.replace("cot_prompted_traces", filled_rows("cot_prompted_traces", [
        {"trace_id": f"{number} {offset}", "prompt": f"What is {first} + {second}?", "answer": str(total + offset),
         "reasoning": f"{first} + {second} makes {total + offset}."}
        for number, (first, second) in enumerate(ROWS) for total in [first + second] for offset in (0, 1)
    ]).collect())  # fmt: skip
    scores = dict(score_responses(small.tables, small.workspace).select("trace_id", "score").collect().iter_rows())
    assert len(scores) == 2 * len(ROWS)
    assert [number for number in range(len(ROWS)) if scores[f"{number} 0"] <= scores[f"{number} 1"]] == []
