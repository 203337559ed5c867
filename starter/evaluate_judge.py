"""Measure the starter judge on held-out requests and write its model card.

Run from the repository root: ``python -m starter.evaluate_judge``. Replies are read as the pipeline reads them.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.verification import answer_judge, preference_judge, safety_judge
from starter.evaluate import SEED
from starter.evaluate_writer import replies, share
from starter.judge_answers import ANSWERS, Answer, Task, answer_to, task_from
from starter.judge_card import write_card
from starter.judge_responses import LABELLINGS, Labelling, labelling_from
from starter.train import MODELS_FOLDER, Lesson
from starter.train_judge import NAME, preference_lesson, rating_lesson, safety_lesson

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LEAST_SCORE = 6
ORDERS: tuple[preference_judge.Order, ...] = ("forward", "swapped")
Measured = dict[str, float]


class Measuring:
    """Asks the judge about held-out cases; each method gives shares of ``each`` cases of one kind."""

    def __init__(self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", *, each: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._each = each

    def ratings(self, kind: str) -> Measured:
        """Of answers of a kind: replies that can be read, the score that was taught, and the right side of 6."""
        cases = [(task, answer_to(task, kind, rng)) for task, rng in self._tasks(f"rating/{kind}")]
        replied = self._replied([rating_lesson(task, answer) for task, answer in cases])
        found = [_rating(*case, reply).score for case, reply in zip(cases, replied, strict=True)]
        return {
            "read": share([score is not None for score in found]),
            "score": share([score == answer.score for score, (_, answer) in zip(found, cases, strict=True)]),
            "side": share(
                [
                    score is not None and (score >= LEAST_SCORE) == (answer.score >= LEAST_SCORE)
                    for score, (_, answer) in zip(found, cases, strict=True)
                ]
            ),
        }

    def preferences(self, kind: str) -> Measured:
        """Of a good answer against one of a kind: readable votes, the better one ahead in each order, and in both.

        Two good answers: as far from each other as the recipe's margin allows.
        """
        cases = [
            (task, answer_to(task, "good", rng), answer_to(task, kind, rng))
            for task, rng in self._tasks(f"preference/{kind}")
        ]
        votes = [self._votes(cases, order) for order in ORDERS]
        elections = [preference_judge.election(both) for both in zip(*votes, strict=True)]
        single = [preference_judge.election([vote]) for cast in votes for vote in cast]
        return {
            "read": share([vote.problem is None for cast in votes for vote in cast]),
            "vote": share([_is_right(one, kind) for one in single]),
            "both": share([_is_right(one, kind) for one in elections]),
        }

    def labels(self, kind: str) -> Measured:
        """Of responses of a kind: replies that can be read, and the right label."""
        rng = random.Random(f"safety/{kind}/{SEED}")
        cases = [labelling_from(kind, rng, split="held_out") for _ in range(self._each)]
        replied = self._replied([safety_lesson(case) for case in cases])
        found = [_label(case, reply) for case, reply in zip(cases, replied, strict=True)]
        return {
            "read": share([label != "unknown" for label in found]),
            "label": share([label == case.label for label, case in zip(found, cases, strict=True)]),
        }

    def _votes(
        self, cases: Sequence[tuple[Task, Answer, Answer]], order: preference_judge.Order
    ) -> list[preference_judge.Vote]:
        replied = self._replied([preference_lesson(*case, order=order) for case in cases])
        ballot = preference_judge.Ballot(order=order, number=1)
        return [
            preference_judge.read_vote(
                preference_judge.Contest(request=task.request, first=first.text, second=second.text), ballot, reply
            )
            for (task, first, second), reply in zip(cases, replied, strict=True)
        ]

    def _tasks(self, name: str) -> list[tuple[Task, random.Random]]:
        rng = random.Random(f"{name}/{SEED}")
        return [(task_from(rng, split="held_out"), rng) for _ in range(self._each)]

    def _replied(self, lessons: Sequence[Lesson]) -> list[Reply]:
        return [Reply(text=text) for text in replies(self._model, self._tokenizer, lessons)]


def _rating(task: Task, answer: Answer, reply: Reply) -> answer_judge.Rating:
    exchange = answer_judge.Exchange(request=task.request, answer=answer.text)
    return answer_judge.read_rating(exchange, reply, least_score=LEAST_SCORE)


def _label(case: Labelling, reply: Reply) -> safety_judge.Label:
    response = safety_judge.Response(request=case.request, text=case.text)
    return safety_judge.read_label(response, reply).label


def _is_right(found: preference_judge.Election, kind: str) -> bool:
    difference = found.mean_difference
    if difference is None:
        return False
    return abs(difference) <= 1 if kind == "good" else difference > 1


def evaluate(folder: Path, *, each: int) -> None:
    """Measure the judge in ``folder`` on ``each`` held-out cases per kind and write its card."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    measuring = Measuring(AutoModelForCausalLM.from_pretrained(folder).eval(), tokenizer, each=each)
    write_card(
        folder,
        training=json.loads((folder / "training.json").read_text()),
        ratings={kind: measuring.ratings(kind) for kind in ANSWERS},
        preferences={kind: measuring.preferences(kind) for kind in ANSWERS},
        labels={kind: measuring.labels(kind) for kind in LABELLINGS},
        each=each,
    )
    print((folder / "README.md").read_text())


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=MODELS_FOLDER / NAME)
    parser.add_argument("--each", type=int, default=40, help="held-out cases per kind")
    arguments = parser.parse_args()
    evaluate(arguments.folder, each=arguments.each)


if __name__ == "__main__":
    main()
