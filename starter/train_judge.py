"""Train the starter judge, which scores answers to short requests and labels responses safe or unsafe.

Run from the repository root: ``python -m starter.train_judge``, then ``python -m starter.evaluate_judge``. It starts
from the weights of ``starter-writer``, which can copy words and numbers already, with a tokenizer of its own texts.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from openreason_dagster.domain.inference.questions import Question
from openreason_dagster.domain.seeds.starter_tasks import Split
from openreason_dagster.domain.verification import answer_judge, preference_judge, safety_judge
from openreason_dagster.domain.verification.judge_texts import judge_template, mark_of
from starter.judge_answers import FAULTS, Answer, Task, answer_to, task_from
from starter.judge_responses import LABELLINGS, Labelling, labelling_from
from starter.tokenizer import build_tokenizer
from starter.train import MODELS_FOLDER, SIZES, Lesson, encode, fit, save
from starter.train_writer import model_from

NAME = "starter-judge"
RECIPES = Path("recipes")
START = "starter-writer"
ROUNDS = ((360, 32), (1000, 8))
"""Steps of each round and lessons in each of its steps: large steps first, then many small ones."""
SHARES = {"preference": 0.4, "rating": 0.35, "safety": 0.25}
GOOD_SHARE = 0.4


def preference_lesson(task: Task, first: Answer, second: Answer, *, order: preference_judge.Order) -> Lesson:
    """Two answers to their scores, under the names that they have in this order."""
    contest = preference_judge.Contest(request=task.request, first=first.text, second=second.text)
    ballot = preference_judge.Ballot(order=order, number=1)
    question = preference_judge.question(contest, ballot, attempt=1, template=_template("prefer"))
    shown = (first, second) if order == "forward" else (second, first)
    findings = " ".join(f"{name} {answer.finding}" for name, answer in zip("AB", shown, strict=True))
    scores = {f"answer_{name}": answer.score for name, answer in zip("AB", shown, strict=True)}
    return _lesson(question, findings, scores)


def rating_lesson(task: Task, answer: Answer) -> Lesson:
    """An answer to its rating."""
    exchange = answer_judge.Exchange(request=task.request, answer=answer.text)
    question = answer_judge.question(exchange, attempt=1, template=_template("rate"))
    return _lesson(question, f"It {answer.finding}", {"score": answer.score})


def safety_lesson(labelling: Labelling) -> Lesson:
    """A response to its label."""
    response = safety_judge.Response(request=labelling.request, text=labelling.text)
    question = safety_judge.question(response, attempt=1, template=_template("safety"))
    return _lesson(question, labelling.finding, {"label": labelling.label})


def lessons(count: int, *, seed: int, split: Split) -> list[Lesson]:
    """About ``count`` lessons of a split, the kinds in their shares, shuffled."""
    rng = random.Random(f"judge/{split}/{seed}")
    compared, rated, labelled = (round(count * share) for share in SHARES.values())
    found = [_preference(rng, split) for _ in range(compared)]
    found += [_rating(rng, split) for _ in range(rated)]
    found += [_safety(rng, split) for _ in range(labelled)]
    rng.shuffle(found)
    return found


def _preference(rng: random.Random, split: Split) -> Lesson:
    task = task_from(rng, split=split)
    first, second = (answer_to(task, _kind(rng), rng) for _ in range(2))
    return preference_lesson(task, first, second, order=rng.choice(("forward", "swapped")))


def _rating(rng: random.Random, split: Split) -> Lesson:
    task = task_from(rng, split=split)
    return rating_lesson(task, answer_to(task, _kind(rng), rng))


def _safety(rng: random.Random, split: Split) -> Lesson:
    return safety_lesson(labelling_from(rng.choice(tuple(LABELLINGS)), rng, split=split))


def _kind(rng: random.Random) -> str:
    return "good" if rng.random() < GOOD_SHARE else rng.choice(FAULTS)


def _template(name: str) -> str:
    return judge_template(f"judging/starter_{name}.txt", key="template", recipe_folder=RECIPES)


def _lesson(question: Question, finding: str, values: dict[str, object]) -> Lesson:
    found = {"id": mark_of(question.subject_id, question.part), **values}
    asked = [{"role": "user", "content": question.messages[0].content}]
    return Lesson(asked, f"</think>\n\n{finding} {json.dumps(found)}")


def _texts(learnt: list[Lesson]) -> Iterator[str]:
    return (f"{one.messages[-1]['content']}\n{one.completion}" for one in learnt)


def train(*, rounds: Sequence[tuple[int, int]], seed: int, output: Path) -> None:
    """Train the model and write its folder."""
    import torch
    from transformers import AutoTokenizer

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    learnt = [lessons(steps * batch, seed=seed + number, split="train") for number, (steps, batch) in enumerate(rounds)]
    tokenizer = build_tokenizer(_texts(learnt[0][:10_000]))
    start = MODELS_FOLDER / START
    model = model_from(start, AutoTokenizer.from_pretrained(start), tokenizer)
    started = time.process_time()
    for (steps, batch), one in zip(rounds, learnt, strict=True):
        fit(model, list(encode(tokenizer, one)), pad_id=tokenizer.pad_token_id, steps=steps, batch=batch)
    seconds = round(time.process_time() - started)
    record = {
        "name": NAME,
        "start": START,
        "layers": SIZES["base"].layers,
        "feed_forward": SIZES["base"].feed_forward,
        "rounds": [list(one) for one in rounds],
        "seed": seed,
        "lessons": sum(map(len, learnt)),
        "shares": SHARES,
        "seconds": seconds,
    }
    save(model, tokenizer, output, record=record)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=MODELS_FOLDER / NAME)
    arguments = parser.parse_args()
    train(rounds=ROUNDS, seed=arguments.seed, output=arguments.output)


if __name__ == "__main__":
    main()
