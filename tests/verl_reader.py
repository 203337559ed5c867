"""Run by verl's Python: reads releases with verl's own data sets and reward manager, and prints what they gave.

Standard input is a JSON list of jobs, each with `reader` (`prompts` or `conversations`), `options` as on verl's command
line, `tokenizer`, and for prompts `responses`, one for each row, that are scored. Standard output ends with a line of
JSON: `unmet`, requirements of verl that this environment does not meet, and `found`, one object per job, which holds
`refused` where verl raised an error. Warnings and prints of the libraries come before.
"""

import asyncio
import json
import sys
from importlib.metadata import PackageNotFoundError, requires, version

import torch
from hydra import compose, initialize_config_module
from packaging.requirements import Requirement
from transformers import AutoTokenizer
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.utils.dataset.rl_dataset import collate_fn, get_dataset_class

KEPT = ("data_source", "ability", "reward_model", "extra_info", "index")


def read_prompts(job, tokenizer):
    """As `verl.trainer.main_ppo` does: the data set that the configuration names, and its reward manager."""
    config = compose("ppo_trainer", overrides=job["options"])
    data = get_dataset_class(config.data)(config.data.train_files, tokenizer, config.data)
    rows = [data[index] for index in range(len(data))]
    asked = [
        tokenizer.apply_chat_template(row["raw_prompt"], add_generation_prompt=True, return_dict=False) for row in rows
    ]
    return {
        "prompts": [tokenizer.decode(tokens) for tokens in asked],
        "rows": [{name: row.get(name) for name in KEPT} for row in rows],
        "scores": asyncio.run(score(config, tokenizer, rows, job["responses"][: len(rows)])),
    }


async def score(config, tokenizer, rows, responses):
    manager = load_reward_manager(config, tokenizer)
    return [await manager.run_single(rollout(tokenizer, *pair)) for pair in zip(rows, responses, strict=True)]


def rollout(tokenizer, row, response):
    """A row beside a response as a rollout hands it on: an empty prompt, and the response padded at its end."""
    tokens = tokenizer(response, add_special_tokens=False)["input_ids"]
    attention = torch.tensor([[1] * len(tokens) + [0, 0]])
    padded = torch.tensor([[*tokens, tokenizer.pad_token_id, tokenizer.pad_token_id]])
    prompts = torch.empty((1, 0), dtype=torch.int64)
    return DataProto.from_single_dict(
        collate_fn([row]) | {"prompts": prompts, "responses": padded, "attention_mask": attention}
    )


def read_conversations(job, tokenizer):
    """As `verl.trainer.sft_trainer` does: tokens of each conversation, and those of them that are trained on."""
    config = compose("sft_trainer_engine", overrides=job["options"]).data
    data = MultiTurnSFTDataset(config.train_files, tokenizer, config)
    rows = [data[index] for index in range(len(data))]
    return {
        "texts": [tokenizer.decode(row["input_ids"]) for row in rows],
        "trained": [tokenizer.decode(row["input_ids"][row["loss_mask"].bool()]) for row in rows],
    }


READERS = {"prompts": read_prompts, "conversations": read_conversations}


def run(job):
    tokenizer = AutoTokenizer.from_pretrained(job["tokenizer"])
    try:
        return READERS[job["reader"]](job, tokenizer)
    except Exception as error:  # noqa: BLE001 - whatever verl raises is the result
        return {"refused": f"{type(error).__name__}: {error}"}


def unmet_requirements():
    """Packages that are here in a version which verl does not take."""
    found = []
    for requirement in map(Requirement, requires("verl")):
        try:
            if requirement.marker is None and version(requirement.name) not in requirement.specifier:
                found.append(f"{requirement} ({version(requirement.name)})")
        except PackageNotFoundError:
            continue  # what the readers do not import
    return found


if __name__ == "__main__":
    with initialize_config_module("verl.trainer.config", version_base=None):
        answer = {"unmet": unmet_requirements(), "found": [run(job) for job in json.load(sys.stdin)]}
    print(json.dumps(answer))
