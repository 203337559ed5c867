"""Train a starter model from scratch and write its folder: weights, tokenizer, chat template, generation settings.

Run from the repository root: ``python -m starter.train base`` (or ``small``), then ``python -m starter.evaluate``.
"""

import argparse
import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.seeds.starter_tasks import StarterProblem, generate
from starter.tokenizer import CONTEXT_TOKENS, build_tokenizer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

MODELS_FOLDER = Path("openreason_dagster/starter_models")
HEADS, HEAD_WIDTH = 4, 32
BATCH_PROBLEMS = 32
PASSES_PER_BATCH = 2
LEARNING_RATE = 2e-3
WARMUP_SHARE = 0.1
FAMILY_SHARES = {"addition": 0.4, "comparison": 0.2, "ordering": 0.2, "logic": 0.2}
REQUESTS = (
    "Put the final answer in \\boxed{}.",
    "Please reason step by step, and put your final answer within \\boxed{}.",
)
REQUEST_SHARE = 0.25
REPORT_EVERY = 50
NO_LOSS = -100

Example = tuple[list[int], list[int]]


@dataclass(frozen=True)
class Lesson:
    """A conversation so far, and what the model learns to write next after the opened think block."""

    messages: list[dict[str, str]]
    completion: str


@dataclass(frozen=True)
class Size:
    """What distinguishes one starter model from another."""

    layers: int
    feed_forward: int
    steps: int


SIZES = {"base": Size(layers=4, feed_forward=384, steps=1500), "small": Size(layers=2, feed_forward=384, steps=900)}


def messages_for(problem: StarterProblem, rng: random.Random) -> list[dict[str, str]]:
    """The question as chat messages; some carry the usual request for a boxed answer, as system or user text."""
    if rng.random() >= REQUEST_SHARE:
        return [{"role": "user", "content": problem.question}]
    request = rng.choice(REQUESTS)
    if rng.random() < 0.5:
        return [{"role": "system", "content": request}, {"role": "user", "content": problem.question}]
    return [{"role": "user", "content": f"{problem.question}\n{request}"}]


def completion_for(problem: StarterProblem) -> str:
    """What the model learns to write after the opened think block, without the end token."""
    return f"{problem.reasoning}\n</think>\n\n{problem.conclusion}"


def training_problems(count: int, *, seed: int) -> list[StarterProblem]:
    """About ``count`` problems of the training split, the families in their shares, shuffled."""
    problems = [
        problem
        for family, share in FAMILY_SHARES.items()
        for problem in generate(family, count=round(count * share), seed=seed, split="train")
    ]
    random.Random(seed).shuffle(problems)
    return problems


def lessons_of(problems: list[StarterProblem], *, seed: int) -> Iterator[Lesson]:
    """What is learnt from each problem."""
    rng = random.Random(seed)
    return (Lesson(messages_for(problem, rng), completion_for(problem)) for problem in problems)


def encode(tokenizer: "PreTrainedTokenizerBase", lessons: Iterable[Lesson]) -> Iterator[Example]:
    """Token ids and labels of each lesson; labels are ``NO_LOSS`` over the prompt."""
    for lesson in lessons:
        prompt = tokenizer.apply_chat_template(lesson.messages, add_generation_prompt=True, tokenize=False)
        prompt_ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        completion_ids = tokenizer(lesson.completion, add_special_tokens=False)["input_ids"]
        completion_ids.append(tokenizer.eos_token_id)
        yield prompt_ids + completion_ids, [NO_LOSS] * len(prompt_ids) + completion_ids


def padded(examples: list[Example], pad_id: int) -> dict[str, "Tensor"]:
    """Right-padded ``input_ids``, ``attention_mask`` and ``labels``, each (examples, longest length)."""
    import torch

    length = max(len(ids) for ids, _ in examples)
    return {
        "input_ids": torch.tensor([ids + [pad_id] * (length - len(ids)) for ids, _ in examples]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (length - len(ids)) for ids, _ in examples]),
        "labels": torch.tensor([labels + [NO_LOSS] * (length - len(labels)) for _, labels in examples]),
    }


def batch_loss(model: "LlamaForCausalLM", batch: list[Example], *, pad_id: int) -> float:
    """Mean loss per target token of one batch, its gradient added to the model's.

    The batch goes through in passes of similar length, which saves half of the padding and changes nothing else.
    """
    by_length = sorted(batch, key=lambda example: len(example[0]))
    targets = sum(label != NO_LOSS for _, labels in batch for label in labels)
    size = -(-len(by_length) // PASSES_PER_BATCH)
    total = 0.0
    for start in range(0, len(by_length), size):
        loss = model(**padded(by_length[start : start + size], pad_id), num_items_in_batch=targets).loss
        loss.backward()
        total += loss.item()
    return total


def new_model(tokenizer: "PreTrainedTokenizerBase", size: Size) -> "LlamaForCausalLM":
    """A freshly initialised Llama model of this size."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=HEADS * HEAD_WIDTH,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD_WIDTH,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def fit(
    model: "LlamaForCausalLM", examples: list[Example], *, pad_id: int, steps: int, batch: int = BATCH_PROBLEMS
) -> None:
    """One pass over ``examples`` with AdamW and a one-cycle learning rate, printing the loss as it goes."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=LEARNING_RATE, total_steps=steps, pct_start=WARMUP_SHARE
    )
    started = time.monotonic()
    model.train()
    for step in range(1, steps + 1):
        loss = batch_loss(model, examples[(step - 1) * batch : step * batch], pad_id=pad_id)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        if step % REPORT_EVERY == 0 or step == steps:
            print(f"step {step}/{steps}  loss {loss:.4f}  {time.monotonic() - started:.0f} s", flush=True)


def save(
    model: "LlamaForCausalLM", tokenizer: "PreTrainedTokenizerBase", folder: Path, *, record: Mapping[str, object]
) -> None:
    """Write everything that Transformers and vLLM load, and ``training.json``."""
    from transformers import GenerationConfig

    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.6,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=256,
    )
    save_folder(model, tokenizer, folder, record=record)


def save_folder(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path, *, record: Mapping[str, object]
) -> None:
    """Write weights, tokenizer, and ``training.json``, which the model card is made from."""
    import torch

    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    tokenizer.save_pretrained(folder)
    settings_file = folder / "tokenizer_config.json"
    settings = json.loads(settings_file.read_text())
    settings_file.write_text(json.dumps(portable(settings), indent=2) + "\n")
    size = {"parameters": model.num_parameters(), "vocabulary": model.config.vocab_size}
    whole = {**record, "torch": torch.__version__, **size}
    (folder / "training.json").write_text(json.dumps(whole, indent=2) + "\n")


def portable(settings: dict[str, object]) -> dict[str, object]:
    """Tokenizer settings under the names that Transformers 4 and 5 both read, without how they were loaded.

    5 writes names that 4 refuses.
    """
    of_loading = {"backend", "extra_special_tokens", "is_local", "local_files_only"}
    kept = {key: value for key, value in settings.items() if key not in of_loading}
    return {
        **kept,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "additional_special_tokens": settings["extra_special_tokens"],
    }


def train(name: str, *, size: Size, seed: int, output: Path) -> None:
    """Train one model and write its folder."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    problems = training_problems(size.steps * BATCH_PROBLEMS, seed=seed)
    tokenizer = build_tokenizer(f"{p.question}\n{completion_for(p)}" for p in problems[:10_000])
    examples = list(encode(tokenizer, lessons_of(problems, seed=seed)))
    model = new_model(tokenizer, size)
    started = time.monotonic()
    fit(model, examples, pad_id=tokenizer.pad_token_id, steps=size.steps)
    seconds = round(time.monotonic() - started)
    record = {
        "name": name,
        **asdict(size),
        "seed": seed,
        "problems": len(problems),
        "shares": FAMILY_SHARES,
        "seconds": seconds,
    }
    save(model, tokenizer, output, record=record)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the size's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder to write (default: the package's folder for this size)")
    arguments = parser.parse_args()
    size = SIZES[arguments.size]
    if arguments.steps:
        size = Size(layers=size.layers, feed_forward=size.feed_forward, steps=arguments.steps)
    name = f"starter-{arguments.size}"
    train(name, size=size, seed=arguments.seed, output=arguments.output or MODELS_FOLDER / name)


if __name__ == "__main__":
    main()
