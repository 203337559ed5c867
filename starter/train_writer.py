"""Train the starter writer, which rewrites and sums up the starter models' traces and answers a few short requests.

Run from the repository root: ``python -m starter.train_writer``, then ``python -m starter.evaluate_writer``. It starts
from the weights of ``starter-base``, which can copy numbers and names already, with a tokenizer of its own texts.
"""

import argparse
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.seeds.starter_tasks import StarterProblem
from openreason_dagster.domain.writing.prompts import fill
from starter.tokenizer import build_tokenizer
from starter.train import (
    BATCH_PROBLEMS,
    MODELS_FOLDER,
    SIZES,
    Lesson,
    encode,
    fit,
    new_model,
    save,
    training_problems,
)
from starter.writer_requests import REQUEST_FAMILIES, Request, requests
from starter.writer_tasks import rewritten, summarised

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

NAME = "starter-writer"
TEMPLATES = Path("recipes/writing")
STEPS = 400
EMBEDDINGS = "model.embed_tokens.weight"
SHARES = {"rewrite": 0.45, "summary": 0.25, "request": 0.3}


def rewrite_lesson(problem: StarterProblem) -> Lesson:
    """Notes to readable reasoning."""
    return _lesson(
        "starter_rewrite",
        {"question": problem.question, "reasoning": problem.reasoning},
        f"<reasoning>{rewritten(problem)}</reasoning>",
    )


def summary_lesson(problem: StarterProblem) -> Lesson:
    """Readable reasoning to a solution."""
    shown = {"question": problem.question, "reasoning": rewritten(problem), "answer": problem.answer}
    return _lesson("starter_summary", shown, f"<summary>{summarised(problem)}</summary>")


def request_lesson(request: Request) -> Lesson:
    """A short request to thought and answer."""
    return _lesson(
        "starter_think",
        {"question": request.prompt},
        f"<reasoning>{request.reasoning}</reasoning><answer>{request.answer}</answer>",
    )


def lessons(count: int, *, seed: int) -> list[Lesson]:
    """About ``count`` lessons of the training split, the kinds in their shares, shuffled."""
    rewrites, summaries, asked = (round(count * share) for share in SHARES.values())
    problems = training_problems(rewrites + summaries, seed=seed)
    each = -(-asked // len(REQUEST_FAMILIES))
    found = [rewrite_lesson(problem) for problem in problems[:rewrites]]
    found += [summary_lesson(problem) for problem in problems[rewrites:]]
    found += [
        request_lesson(request)
        for family in REQUEST_FAMILIES
        for request in requests(family, count=each, seed=seed, split="train")
    ]
    random.Random(seed).shuffle(found)
    return found


def model_from(
    folder: Path, old: "PreTrainedTokenizerBase", tokenizer: "PreTrainedTokenizerBase"
) -> "LlamaForCausalLM":
    """The model of a folder for another tokenizer: tokens that both know keep their embedding, others start anew."""
    from transformers import AutoModelForCausalLM

    weights = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    model, known = new_model(tokenizer, SIZES["base"]), old.get_vocab()
    table = model.state_dict()[EMBEDDINGS].clone()
    for token, place in tokenizer.get_vocab().items():
        if token in known:
            table[place] = weights[EMBEDDINGS][known[token]]
    model.load_state_dict(weights | {EMBEDDINGS: table, "lm_head.weight": table})
    return model


def _lesson(template: str, values: dict[str, str], reply: str) -> Lesson:
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8").removesuffix("\n")
    return Lesson([{"role": "user", "content": fill(text, values)}], f"</think>\n\n{reply}")


def train(*, steps: int, seed: int, output: Path) -> None:
    """Train the model and write its folder."""
    import torch
    from transformers import AutoTokenizer

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    learnt = lessons(steps * BATCH_PROBLEMS, seed=seed)
    tokenizer = build_tokenizer(f"{one.messages[-1]['content']}\n{one.completion}" for one in learnt[:10_000])
    base = MODELS_FOLDER / "starter-base"
    model = model_from(base, AutoTokenizer.from_pretrained(base), tokenizer)
    examples = list(encode(tokenizer, learnt))
    started = time.process_time()
    fit(model, examples, pad_id=tokenizer.pad_token_id, steps=steps)
    seconds = round(time.process_time() - started)
    record = {
        "name": NAME,
        "layers": SIZES["base"].layers,
        "feed_forward": SIZES["base"].feed_forward,
        "steps": steps,
        "seed": seed,
        "lessons": len(learnt),
        "shares": SHARES,
        "seconds": seconds,
    }
    save(model, tokenizer, output, record=record)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=MODELS_FOLDER / NAME)
    arguments = parser.parse_args()
    train(steps=arguments.steps, seed=arguments.seed, output=arguments.output)


if __name__ == "__main__":
    main()
