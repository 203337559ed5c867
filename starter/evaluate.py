"""Measure a starter model on held-out problems and write its model card.

Run from the repository root: ``python -m starter.evaluate openreason_dagster/starter_models/starter-base``.
"""

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, StarterProblem, generate
from starter.model_card import write_model_card

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TEMPERATURES = (0.3, 0.6, 1.2)
SAMPLES = 8
LONGEST_COMPLETION = 200
SEED = 20_000
BOXED = re.compile(r"\\boxed\{([^{}]*)\}")


@dataclass(frozen=True)
class Outcome:
    """How the samples of one problem at one temperature went; ``tokens`` counts completions with their end token."""

    family: str
    temperature: float
    correct: tuple[bool, ...]
    finished: tuple[bool, ...]
    tokens: tuple[int, ...]


def held_out_problems(each: int) -> list[StarterProblem]:
    """The first ``each`` evaluation problems of every family."""
    return [p for family in FAMILIES for p in generate(family, count=each, seed=SEED, split="held_out")]


def is_correct(completion: str, answer: str) -> bool:
    """Whether the last boxed text after the think block is exactly the answer."""
    boxed = BOXED.findall(completion.rpartition("</think>")[2])
    return bool(boxed) and boxed[-1].strip() == answer


def measure(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    *,
    problems: list[StarterProblem],
    temperature: float,
    batch: int = 64,
) -> list[Outcome]:
    """Sample every problem ``SAMPLES`` times at one temperature, ``batch`` problems at once, and judge the answers."""
    outcomes = []
    for start in range(0, len(problems), batch):
        chosen = problems[start : start + batch]
        rows = sample(model, tokenizer, questions=[p.question for p in chosen], temperature=temperature)
        for position, problem in enumerate(chosen):
            own = rows[position * SAMPLES : (position + 1) * SAMPLES]
            lengths = tuple(
                row.index(tokenizer.eos_token_id) + 1 if tokenizer.eos_token_id in row else len(row) for row in own
            )
            outcomes.append(
                Outcome(
                    family=problem.family,
                    temperature=temperature,
                    correct=tuple(is_correct(tokenizer.decode(row), problem.answer) for row in own),
                    finished=tuple(tokenizer.eos_token_id in row for row in own),
                    tokens=lengths,
                )
            )
    return outcomes


def sample(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", *, questions: list[str], temperature: float
) -> list[list[int]]:
    """``SAMPLES`` completions of each question as token ids, padded at the end, question by question."""
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
        )
        for question in questions
    ]
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    rows = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        do_sample=True,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        num_return_sequences=SAMPLES,
        max_new_tokens=LONGEST_COMPLETION,
    )
    completions: list[list[int]] = rows[:, inputs["input_ids"].shape[1] :].tolist()
    return completions


def summarise(outcomes: list[Outcome]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean pass@1 and pass@8 by family (and ``overall``) and temperature."""
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for family in (*FAMILIES, "overall"):
        for temperature in TEMPERATURES:
            chosen = [o for o in outcomes if family in (o.family, "overall") and o.temperature == temperature]
            summary.setdefault(family, {})[str(temperature)] = {
                "pass@1": sum(sum(o.correct) for o in chosen) / (len(chosen) * SAMPLES),
                "pass@8": sum(any(o.correct) for o in chosen) / len(chosen),
                "finished": sum(sum(o.finished) for o in chosen) / (len(chosen) * SAMPLES),
                "tokens": sum(sum(o.tokens) for o in chosen) / (len(chosen) * SAMPLES),
            }
    return summary


def evaluate(folder: Path, *, each: int) -> None:
    """Measure the model in ``folder`` on ``each`` held-out problems per family and write its card."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(SEED)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    problems = held_out_problems(each)
    outcomes = []
    for temperature in TEMPERATURES:
        outcomes += measure(model, tokenizer, problems=problems, temperature=temperature)
        print(f"temperature {temperature}: {len(problems)} problems, {SAMPLES} samples each", flush=True)
    summary = summarise(outcomes)
    training = json.loads((folder / "training.json").read_text())
    write_model_card(folder, training=training, summary=summary, problems_each=each)
    print((folder / "README.md").read_text())


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=40, help="held-out problems per family")
    arguments = parser.parse_args()
    evaluate(arguments.folder, each=arguments.each)


if __name__ == "__main__":
    main()
