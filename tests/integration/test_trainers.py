"""What a release holds is trained on by the real trainers: a step each of SFT, GRPO, DPO, KTO and reward models."""

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from small_workspace import STARTER_MODELS

from openreason_dagster.domain.inference.prompts import PLACEHOLDER, build_messages
from openreason_dagster.domain.recipe_formats import Format
from openreason_dagster.domain.release.configurations import data_files, write_configurations
from openreason_dagster.domain.release.layouts import Question
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.model_rewards import score_responses
from openreason_dagster.scoring import compute_score, format_reward, r1_reward

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings are those of the trainers
MODEL = str(STARTER_MODELS / "starter-small")
FORMATS = Format.__args__
SFT_FORMATS = [name for name in FORMATS if not name.startswith(("rl_prompts", "sharegpt", "preference", "safety"))]
STEP = {
    "max_steps": 1, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False, "report_to": [],
    "save_strategy": "no", "disable_tqdm": True, "logging_strategy": "no",
}  # fmt: skip
ROWS = [(first, first + 3) for first in range(12, 20)]


def rows_of(name, rows):
    columns = TABLES[name].columns
    blank = {
        column.name: None if column.nullable else {"Int64": 1, "Float64": 1.0}.get(str(column.dtype), "x")
        for column in columns
    }
    return TABLES[name].frame(blank | row for row in rows).lazy()


def solved(first, second, offset=0):
    return f"<think>\n{first} + {second} makes {first + second + offset}.\n</think>\n\n{first + second + offset}"


def tables():
    texts = [
        (str(number), f"What is {first} + {second}?", first, second) for number, (first, second) in enumerate(ROWS)
    ]
    shared = {"split": "train", "language": "en", "domain": "math", "source": "sums", "license": "MIT"}
    return {
        "sft_mix": rows_of("sft_mix", [
            shared | {"trace_id": key, "messages": [
                {"role": "user", "content": text}, {"role": "assistant", "content": solved(first, second)},
            ]} for key, text, first, second in texts
        ]),
        "rl_prompts": rows_of("rl_prompts", [
            shared | {"prompt_id": key, "prompt": text, "reference_answer": str(first + second), "verifier": "math",
                      "verifier_spec": "{}", "pass_rate": 0.5} for key, text, first, second in texts
        ]),
        "preference_pairs": rows_of("preference_pairs", [
            shared | {"pair_id": key, "prompt": text, "chosen": solved(first, second),
                      "rejected": solved(first, second, 1)} for key, text, first, second in texts
        ]),
        "safety_set": rows_of("safety_set", [
            shared | {"trace_id": key, "prompt": text, "answer": solved(first, second), "label": label}
            for (key, text, first, second), label in zip(texts, ("safe", "unsafe") * 4, strict=True)
        ]),
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A release with every format, of eight sums."""
    folder, frames = tmp_path_factory.mktemp("release"), tables()
    question = Question(messages=build_messages(PLACEHOLDER, "{prompt}", None), form="messages")

    def rows(layout, split):
        yield layout.arrange(frames[layout.table].filter(pl.col("split") == split), question).collect()

    files = write_configurations(folder, FORMATS, rows=rows, per_file=5)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': data_files(files)})}---\n")
    return folder


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
    small.tables.replace("cot_prompted_traces", rows_of("cot_prompted_traces", [
        {"trace_id": f"{number} {offset}", "prompt": f"What is {first} + {second}?", "answer": str(total + offset),
         "reasoning": f"{first} + {second} makes {total + offset}."}
        for number, (first, second) in enumerate(ROWS) for total in [first + second] for offset in (0, 1)
    ]).collect())  # fmt: skip
    scores = dict(score_responses(small.tables, small.workspace).select("trace_id", "score").collect().iter_rows())
    assert len(scores) == 2 * len(ROWS)
    assert [number for number in range(len(ROWS)) if scores[f"{number} 0"] <= scores[f"{number} 1"]] == []


def test_rows_for_verl_have_what_its_reader_and_its_reward_manager_take(folder, tmp_path):
    """`RLHFDataset` renders `prompt` and reads `extra_info.index`; the manager scores `reward_model.ground_truth`."""
    from datasets import load_dataset
    from transformers import AutoTokenizer

    file = str(folder / "rl_prompts_verl" / "train-00000-of-00002.parquet")
    row = load_dataset("parquet", data_files=file, cache_dir=str(tmp_path))["train"][0]
    tokens = AutoTokenizer.from_pretrained(MODEL).apply_chat_template(row["prompt"], add_generation_prompt=True)
    assert len(tokens) > 0
    assert row["extra_info"]["index"] == 0
    assert row["reward_model"] == {"style": "rule", "ground_truth": str(sum(ROWS[0]))}
    found = compute_score(
        data_source=row["data_source"], solution_str=solved(*ROWS[0]),
        ground_truth=row["reward_model"]["ground_truth"], extra_info=row["extra_info"],
    )  # fmt: skip
    assert found["score"] == 3
    assert json.dumps(found)


def test_reader_of_verl_takes_the_files(folder, tmp_path):
    """Where verl is installed: it needs an older transformers than this package, so an environment of its own."""
    reader = pytest.importorskip("verl.utils.dataset.rl_dataset", reason="verl is not installed", exc_type=ImportError)
    from omegaconf import OmegaConf
    from transformers import AutoTokenizer
    from verl.utils.import_utils import load_extern_object

    files = sorted(str(path) for path in (folder / "rl_prompts_verl").glob("train-*.parquet"))
    options = OmegaConf.create({"cache_dir": str(tmp_path), "filter_overlong_prompts_workers": 1})
    data = reader.RLHFDataset(files, AutoTokenizer.from_pretrained(MODEL), options)
    batch = reader.collate_fn([data[0], data[7]])
    assert len(data) == len(ROWS)
    assert batch["raw_prompt"][0] == [{"role": "user", "content": "What is 12 + 15?"}]
    assert batch["reward_model"][1]["ground_truth"] == str(sum(ROWS[7]))
    score = load_extern_object("pkg://openreason_dagster.scoring", "compute_score")
    row = data[7]
    found = score(row["data_source"], solved(*ROWS[7]), row["reward_model"]["ground_truth"], row["extra_info"])
    assert found["score"] == 3
