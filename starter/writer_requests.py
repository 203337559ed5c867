"""Short requests that need no reasoning, with what the starter writer is taught to think and to answer.

Four families whose words vary, and requests outside of them, which are declined: a model this small knows nothing of
the world, and saying so is the one good answer it has.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from openreason_dagster.domain.seeds.starter_tasks import NAMES, Split, split_of

COUNTS = {"two": 2, "three": 3, "four": 4}
KINDS = {
    "fruits": ("apple", "pear", "plum", "cherry", "lemon", "fig"),
    "animals": ("dog", "cat", "horse", "cow", "fox", "hen"),
    "colours": ("red", "blue", "green", "white", "black", "brown"),
    "tools": ("hammer", "saw", "file", "drill", "spade", "rake"),
    "rooms": ("kitchen", "hall", "cellar", "attic", "bath", "study"),
    "plants": ("rose", "fern", "oak", "moss", "ivy", "lily"),
    "drinks": ("tea", "milk", "water", "coffee", "juice", "cocoa"),
    "trades": ("baker", "smith", "tailor", "mason", "cook", "nurse"),
}
WORDS = tuple(word for words in KINDS.values() for word in words)
OCCASIONS = ("birthday", "morning", "evening", "trip", "start", "weekend", "holiday", "rest")
DEEDS = (
    "likes tea", "has a dog", "is at home", "wants milk", "sings well", "is a baker", "has a rose", "likes the cat",
    "is a cook", "drinks water", "has a hammer", "is in the kitchen",
)  # fmt: skip
OTHER = (
    "Explain {a} to a child.", "How do I keep {a} fresh?", "Why is {a} so dear?", "Who made the first {a}?",
    "Write two lines about a {a}.", "Write a poem on {a} and {b}.", "Is the {a} warm?", "Tell me about {a} and {b}.",
    "What can I do with {a}?", "Translate this: The {a} is with the {b}.", "I have no {a}. What now?",
    "Name the things that a {a} needs.", "Name a {a} for the {b}.", "Write to {name} about the {a}.",
    "Say what you think of {a}.", "Wish for a {a}.", "Describe the {a} near the {b}.", "Can you sell me {a}?",
    "Rewrite this: {name} has the {a}.", "Where does {a} come from?",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A request, what is thought about it, and the answer."""

    family: str
    prompt: str
    reasoning: str
    answer: str


def requests(family: str, *, count: int, seed: int, split: Split) -> Iterator[Request]:
    """Yield ``count`` requests of a family, all of one split; prompts repeat, because a family has few of them."""
    rng = random.Random(f"{family}/{split}/{seed}")
    found = 0
    while found < count:
        request = REQUEST_FAMILIES[family](rng)
        if split_of(request.prompt) == split:
            found += 1
            yield request


def _repeat(rng: random.Random) -> Request:
    word, times = rng.choice(WORDS), rng.randint(2, 5)
    counted = ", ".join(map(str, range(1, times + 1)))
    return Request(
        family="repeat",
        prompt=f"Write the word {word} {times} times.",
        reasoning=f"They want the word {word} {times} times. I count along: {counted}.",
        answer=" ".join([word] * times),
    )


def _name(rng: random.Random) -> Request:
    count, kind = rng.choice(tuple(COUNTS)), rng.choice(tuple(KINDS))
    chosen = rng.sample(KINDS[kind], COUNTS[count])
    listed = f"{', '.join(chosen[:-1])} and {chosen[-1]}"
    return Request(
        family="name",
        prompt=f"Name {count} {kind}.",
        reasoning=f"They want {count} {kind}. I think of {listed}.",
        answer=f"{listed[0].upper()}{listed[1:]}.",
    )


def _wish(rng: random.Random) -> Request:
    name, occasion = rng.choice(NAMES), rng.choice(OCCASIONS)
    return Request(
        family="wish",
        prompt=f"Wish {name} a good {occasion}.",
        reasoning=f"They want a kind word for {name} about the {occasion}. One short line will do.",
        answer=f"I wish you a good {occasion}, {name}!",
    )


def _say(rng: random.Random) -> Request:
    name, deed = rng.choice(NAMES), rng.choice(DEEDS)
    return Request(
        family="say",
        prompt=f"Say that {name} {deed}.",
        reasoning=f"They want one plain sentence about {name}. I say what they told me and add nothing.",
        answer=f"{name} {deed}.",
    )


def _other(rng: random.Random) -> Request:
    first, second = rng.sample(WORDS, 2)
    return Request(
        family="other",
        prompt=rng.choice(OTHER).format(a=first, b=second, name=rng.choice(NAMES)),
        reasoning="They want something that I have not learnt. It is better to say so than to guess.",
        answer="I am sorry, I have not learnt that.",
    )


REQUEST_FAMILIES: dict[str, Callable[[random.Random], Request]] = {
    "repeat": _repeat,
    "name": _name,
    "wish": _wish,
    "say": _say,
    "other": _other,
}
