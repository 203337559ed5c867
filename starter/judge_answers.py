"""Answers for the starter judge to score: good ones, and ones with a known fault, to short requests.

What a request asks for are its keys, words that a good answer holds. A model this small can find the same word in two
texts, and can tell a text that stops in the middle, says the same again and again or is no language; more is not asked.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from openreason_dagster.domain.seeds.starter_tasks import NAMES, Split, split_of
from starter.writer_requests import DEEDS, OCCASIONS, WORDS

WISHES = (
    "I wish you a good {occasion}, {name}!", "Have a lovely {occasion}, {name}!", "A very good {occasion} to {name}!",
    "Enjoy your {occasion}, {name}, and come back rested!", "Dear {name}, may your {occasion} be fine.",
    "All the best for the {occasion}, {name}.",
)  # fmt: skip
SAYINGS = ("{name} {deed}.", "As you say, {name} {deed}.", "I can tell you that {name} {deed}.")
TOLD = {
    "Explain {a} to a child.": ("It is easy: you can touch {a}, look at it, and ask who made it.",),
    "How do I keep {a} fresh?": ("Put the {a} in a cool and dark place.", "Keep {a} closed up and away from the sun."),
    "Why is {a} so dear?": ("There is little {a} this year, and many want it.",),
    "Write two lines about a {a}.": ("A small {a} by the door at night,\nand all the house is still.",),
    "Write a poem on {a} and {b}.": ("The {a} sleeps, the {b} wakes,\nand slowly over both day breaks.",),
    "Tell me about {a} and {b}.": ("Many people have a {a} at home, and some a {b} too.",),
    "What can I do with {a}?": ("You can give the {a} to a friend or keep it for winter.",),
    "Name a use for the {a}.": ("A {a} helps you on a long day.", "With the {a} you can make somebody glad."),
    "Describe the {a} near the {b}.": ("The {a} is small and old, and the {b} stands right beside it.",),
    "Where does the {a} come from?": ("Most of the {a} comes from the south.",),
    "Is the {a} warm?": ("Yes, the {a} is warm in the sun.", "No, the {a} is cold at night."),
    "Ask {name} about the {a}.": ("{name}, where did you see the {a}?", "Do you still have the {a}, {name}?"),
    "Thank {name} for the {a}.": ("Thank you for the {a}, {name}.", "The {a} is lovely, {name}, thank you!"),
    "Tell {name} that the {a} is here.": ("{name}, the {a} is here.", "The {a} came today, {name}."),
}
DECLINING = (
    "I am sorry, I have not learnt that.", "I cannot help with that.", "Sorry, I do not know that.",
    "I would rather not answer this.", "I have no answer to that.",
)  # fmt: skip
LETTERS = "abcdefghijklmnoprstuvwxyz"


@dataclass(frozen=True)
class Task:
    """A request, and how good answers to it are worded."""

    request: str
    wordings: tuple[str, ...]
    keys: Mapping[str, str]
    """What stands in the braces of the wordings."""

    def answered(self, rng: random.Random, *, changed: Mapping[str, str] | None = None) -> str:
        """A good answer, or one with other words in the places of some keys."""
        return rng.choice(self.wordings).format(**{**self.keys, **(changed or {})})

    @property
    def shown_keys(self) -> list[str]:
        """The words that a good answer holds."""
        return [key.split()[-1] for key in self.keys.values()]


@dataclass(frozen=True)
class Answer:
    """An answer, what a judge is to say of it after its name, and its score."""

    kind: str
    text: str
    finding: str
    score: int


def task_from(rng: random.Random, *, split: Split) -> Task:
    """A request of the split, of one of the families."""
    while True:
        task = rng.choice((_wish, _say, _tell))(rng)
        if split_of(task.request) == split:
            return task


def answer_to(task: Task, kind: str, rng: random.Random) -> Answer:
    """An answer of that kind, one of `ANSWERS`."""
    return ANSWERS[kind](task, rng)


def _wish(rng: random.Random) -> Task:
    keys = {"name": rng.choice(NAMES), "occasion": rng.choice(OCCASIONS)}
    return Task("Wish {name} a good {occasion}.".format(**keys), WISHES, keys)


def _say(rng: random.Random) -> Task:
    keys = {"name": rng.choice(NAMES), "deed": rng.choice(DEEDS)}
    return Task("Say that {name} {deed}.".format(**keys), SAYINGS, keys)


def _tell(rng: random.Random) -> Task:
    request, wordings = rng.choice(tuple(TOLD.items()))
    words = dict(zip("ab", rng.sample(WORDS, 2), strict=True)) | {"name": rng.choice(NAMES)}
    keys = {key: words[key] for key in ("name", "a", "b") if f"{{{key}}}" in request}
    return Task(request.format(**keys), wordings, keys)


def _good(task: Task, rng: random.Random) -> Answer:
    return Answer("good", task.answered(rng), f"has {' and '.join(task.shown_keys)}.", 9)


def _wrong(task: Task, rng: random.Random) -> Answer:
    """An answer in which one key is another word; of requests with one key it holds nothing that was asked for."""
    key = rng.choice(tuple(task.keys))
    others = {"name": NAMES, "occasion": OCCASIONS, "deed": DEEDS}.get(key, WORDS)
    lost = task.keys[key].split()[-1]
    other = rng.choice([word for word in others if word.split()[-1] not in task.shown_keys])
    held = [word for word in task.shown_keys if word != lost]
    text = task.answered(rng, changed={key: other})
    if not held:
        return Answer("wrong", text, f"lacks {lost}.", 2)
    return Answer("wrong", text, f"has {' and '.join(held)}, but not {lost}.", 3)


def _elsewhere(task: Task, rng: random.Random) -> Answer:
    """A good answer to something else."""
    while True:
        other = task_from(rng, split="train")
        if not set(other.shown_keys) & set(task.shown_keys):
            return Answer("elsewhere", other.answered(rng), f"lacks {' and '.join(task.shown_keys)}.", 2)


def _declined(_task: Task, rng: random.Random) -> Answer:
    return Answer("declined", rng.choice(DECLINING), "declines.", 2)


def _cut(task: Task, rng: random.Random) -> Answer:
    words = task.answered(rng).split()
    return Answer("cut", " ".join(words[: rng.randint(max(1, len(words) // 3), len(words) - 1)]), "is cut off.", 4)


def _repeated(task: Task, rng: random.Random) -> Answer:
    part = " ".join(task.answered(rng).split()[: rng.randint(1, 3)])
    return Answer("repeated", " ".join([part] * rng.randint(3, 5)), "repeats itself.", 1)


def _garbled(task: Task, rng: random.Random) -> Answer:
    words = ["".join(rng.choices(LETTERS, k=len(word))) for word in task.answered(rng).split()[:6]]
    return Answer("garbled", f"{' '.join(words)}.", "makes no sense.", 1)


ANSWERS: dict[str, Callable[[Task, random.Random], Answer]] = {
    "good": _good,
    "wrong": _wrong,
    "elsewhere": _elsewhere,
    "declined": _declined,
    "cut": _cut,
    "repeated": _repeated,
    "garbled": _garbled,
}
FAULTS = tuple(kind for kind in ANSWERS if kind != "good")
