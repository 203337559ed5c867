"""Train the starter reward models: ``starter-helpful`` gives an answer a number, ``starter-safety`` labels a response.

Run from the repository root: ``python -m starter.train_rewards helpful`` (or ``safety``), then ``python -m
starter.evaluate_rewards``. Both start from the weights and the tokenizer of ``starter-judge``. The trainers are those
of TRL and Transformers, used as one would use them on a release.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openreason_dagster.domain.seeds.starter_tasks import Split
from starter.judge_answers import FAULTS, Answer, Task, answer_to, task_from
from starter.judge_responses import LABELLINGS, Labelling, labelling_from
from starter.train import MODELS_FOLDER, save_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

START = "starter-judge"
LABELS = ("unsafe", "safe")
STEPS = {"helpful": 1500, "safety": 400}
BATCH = 32
LEARNING_RATE = 1e-3
GOOD_SHARE = 0.8
"""Of pairs whose better answer is a good one; the others have two faults of different weight."""
HARD_SHARE = 0.6
"""Of pairs with a good answer, those whose other answer is fluent and has other words than were asked for."""
HARD = ("wrong", "elsewhere")


@dataclass(frozen=True)
class Pair:
    """A request with a better and a worse answer."""

    task: Task
    chosen: Answer
    rejected: Answer


def pair_from(rng: random.Random, *, split: Split) -> Pair:
    """A pair whose request is of the split."""
    task = task_from(rng, split=split)
    while True:
        better, worse = sorted((answer_to(task, kind, rng) for kind in _kinds(rng)), key=lambda answer: -answer.score)
        if better.score > worse.score:
            return Pair(task, better, worse)


def _kinds(rng: random.Random) -> tuple[str, str]:
    if rng.random() >= GOOD_SHARE:
        return rng.choice(FAULTS), rng.choice(FAULTS)
    return "good", rng.choice(HARD if rng.random() < HARD_SHARE else FAULTS)


def turns(request: str, response: str) -> list[dict[str, str]]:
    """One exchange as chat messages."""
    return [{"role": "user", "content": request}, {"role": "assistant", "content": response}]


def helpful_trainer(start: "Start", arguments: dict[str, Any], *, rows: int) -> "Trainer":
    """TRL's trainer of a model with one output, on pairs."""
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    rng = random.Random(f"helpful/{arguments['seed']}")
    pairs = [pair_from(rng, split="train") for _ in range(rows)]
    data = [
        {"chosen": turns(pair.task.request, pair.chosen.text), "rejected": turns(pair.task.request, pair.rejected.text)}
        for pair in pairs
    ]
    return RewardTrainer(
        model=start.model,
        args=RewardConfig(max_length=256, **arguments),
        train_dataset=Dataset.from_list(data),
        processing_class=start.tokenizer,
    )


def safety_trainer(start: "Start", arguments: dict[str, Any], *, rows: int) -> "Trainer":
    """Transformers' trainer of a classifier, on labelled responses."""
    from datasets import Dataset
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    rng = random.Random(f"safety/{arguments['seed']}")
    return Trainer(
        model=start.model,
        args=TrainingArguments(**arguments),
        train_dataset=Dataset.from_list([_labelled(start.tokenizer, rng) for _ in range(rows)]),
        data_collator=DataCollatorWithPadding(start.tokenizer),
    )


TRAINERS: dict[str, Callable[..., "Trainer"]] = {"helpful": helpful_trainer, "safety": safety_trainer}
HEADS: dict[str, dict[str, Any]] = {
    "helpful": {"num_labels": 1},
    "safety": {"id2label": dict(enumerate(LABELS)), "label2id": {label: place for place, label in enumerate(LABELS)}},
}


@dataclass(frozen=True)
class Start:
    """Weights with a head that knows nothing yet, and their tokenizer."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"


def _labelled(tokenizer: "PreTrainedTokenizerBase", rng: random.Random) -> dict[str, object]:
    """One response in two is unsafe."""
    kind = "harmful" if rng.random() < 0.5 else rng.choice([name for name in LABELLINGS if name != "harmful"])
    case: Labelling = labelling_from(kind, rng, split="train")
    text = tokenizer.apply_chat_template(turns(case.request, case.text), tokenize=False)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return {"input_ids": ids, "labels": LABELS.index(case.label)}


def _start(kind: str) -> Start:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = MODELS_FOLDER / START
    model = AutoModelForSequenceClassification.from_pretrained(folder, **HEADS[kind])
    return Start(model, AutoTokenizer.from_pretrained(folder))


def _arguments(folder: str, *, steps: int, seed: int) -> dict[str, Any]:
    return {
        "output_dir": folder,
        "max_steps": steps,
        "seed": seed,
        "per_device_train_batch_size": BATCH,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": steps // 10,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": [],
        "logging_steps": 50,
        "disable_tqdm": True,
    }


def train(kind: str, *, steps: int, seed: int, output: Path) -> None:
    """Train one of the two and write its folder."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    start = _start(kind)
    with tempfile.TemporaryDirectory() as folder:
        trainer = TRAINERS[kind](start, _arguments(folder, steps=steps, seed=seed), rows=steps * BATCH)
        started = time.process_time()
        trainer.train()
        seconds = round(time.process_time() - started)
    record = {"name": f"starter-{kind}", "start": START, "steps": steps, "batch": BATCH, "seed": seed}
    save_folder(start.model, start.tokenizer, output, record=record | {"seconds": seconds})


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=TRAINERS)
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the kind's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder to write (default: the package's folder for this kind)")
    arguments = parser.parse_args()
    steps = arguments.steps or STEPS[arguments.kind]
    output = arguments.output or MODELS_FOLDER / f"starter-{arguments.kind}"
    train(arguments.kind, steps=steps, seed=arguments.seed, output=output)


if __name__ == "__main__":
    main()
