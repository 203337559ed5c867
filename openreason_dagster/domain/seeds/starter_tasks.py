"""The starter models' problem families: questions drawn from a seed, with worked chains of thought and answers.

What belongs here: one drawing function per family and the split that keeps evaluation problems out of training.
Fixed wording stays below ten words in a row, so that two problems of a family share a 10-gram only through their
names or numbers.
"""

import hashlib
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from openreason_dagster.domain.errors import SourceError

Split = Literal["train", "held_out"]

HELD_OUT_SHARE = 5
DRAWS_WITHOUT_NEWS = 5_000
NAMES = ("Ann", "Bob", "Cal", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jon", "Kim", "Leo", "Mia", "Ned", "Pam", "Ray")
SCALES = (("taller", "tallest", "shortest"), ("older", "oldest", "youngest"), ("faster", "fastest", "slowest"))
LETTERS = "ABCD"


@dataclass(frozen=True)
class StarterProblem:
    r"""One problem with the text a model is taught to answer with.

    ``reasoning`` goes inside the think block; ``conclusion`` is the sentence after it and holds ``answer`` in
    ``\boxed{}``. ``difficulty`` counts from 1 within a family and does not compare between families.
    """

    family: str
    question: str
    reasoning: str
    conclusion: str
    answer: str
    domain: str
    verifier: str
    verifier_spec: dict[str, dict[str, str]]
    difficulty: int


def split_of(question: str) -> Split:
    """The split a question belongs to for ever, whatever seed drew it: one question in five is held out."""
    digest = hashlib.sha256(question.encode()).digest()
    return "held_out" if int.from_bytes(digest[:8]) % HELD_OUT_SHARE == 0 else "train"


def generate(family: str, *, count: int, seed: int, split: Split) -> Iterator[StarterProblem]:
    """Yield ``count`` problems of ``family`` with distinct questions, all of one split.

    The same arguments give the same problems in the same order, and a larger ``count`` continues the same list.

    Raises:
        SourceError: the family is unknown, or it has no further distinct problem in this split; the latter is
            noticed while iterating.
    """
    require_family(family)
    rng = random.Random(f"{family}/{split}/{seed}")  # noqa: S311 - problems must be repeatable, not secret
    return distinct(FAMILIES[family], rng, count=count, split=split)


def require_family(family: str) -> None:
    """Raise SourceError unless there is a family of that name."""
    if family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise SourceError(f"unknown starter family {family!r}; expected one of: {known}. Correct the family's name.")


def family_domain(family: str) -> str:
    """The domain that all problems of a family have; KeyError if there is no such family."""
    return FAMILIES[family](random.Random(0)).domain  # noqa: S311 - any problem will do


def distinct(
    draw: Callable[[random.Random], StarterProblem], rng: random.Random, *, count: int, split: Split
) -> Iterator[StarterProblem]:
    """Yield ``count`` draws with distinct questions of one split.

    Raises:
        SourceError: ``DRAWS_WITHOUT_NEWS`` draws in a row gave nothing new.
    """
    seen: set[str] = set()
    idle = 0
    while len(seen) < count:
        problem = draw(rng)
        if problem.question in seen or split_of(problem.question) != split:
            idle += 1
            if idle == DRAWS_WITHOUT_NEWS:
                raise SourceError(
                    f"Starter family {problem.family!r}, split {split!r}: found {len(seen)} distinct problems, "
                    f"expected {count}. Ask for fewer problems of this family."
                )
            continue
        idle = 0
        seen.add(problem.question)
        yield problem


def _addition(rng: random.Random) -> StarterProblem:
    digits = rng.randint(1, 3)
    terms = [rng.randrange(10 ** rng.randint(1, digits)) for _ in range(rng.randint(2, 3))]
    total = str(sum(terms))
    return StarterProblem(
        family="addition",
        question=f"What is {' + '.join(map(str, terms))}?",
        reasoning=f"{_column_sums(terms)} so {total}",
        conclusion=f"The sum is \\boxed{{{total}}}.",
        answer=total,
        domain="math",
        verifier="math",
        verifier_spec={},
        difficulty=len(str(max(terms))) + len(terms) - 2,
    )


def _column_sums(terms: list[int]) -> str:
    """The written sums of the columns from the right, the carry as last addend from the second column on."""
    lines, carry = [], 0
    for column in range(len(str(max(terms)))):
        addends = [term // 10**column % 10 for term in terms] + ([carry] if column else [])
        lines.append(f"{'+'.join(map(str, addends))}={sum(addends)}")
        carry = sum(addends) // 10
    return " ".join(lines)


def _comparison(rng: random.Random) -> StarterProblem:
    wanted, choose = rng.choice((("largest", max), ("smallest", min)))
    numbers = rng.sample(range(10 ** rng.randint(2, 3)), rng.randint(3, 5))
    steps, best = [], numbers[0]
    for number in numbers[1:]:
        kept = choose(best, number)
        steps.append(f"{best} or {number}: {kept}.")
        best = kept
    return StarterProblem(
        family="comparison",
        question=f"Which of these numbers is the {wanted}: {', '.join(map(str, numbers))}?",
        reasoning=" ".join(steps),
        conclusion=f"The {wanted} is \\boxed{{{best}}}.",
        answer=str(best),
        domain="math",
        verifier="math",
        verifier_spec={},
        difficulty=len(numbers) - 2,
    )


def _ordering(rng: random.Random) -> StarterProblem:
    people = rng.sample(NAMES, rng.randint(3, 5))
    more, highest, lowest = rng.choice(SCALES)
    facts = [f"{upper} is {more} than {lower}." for lower, upper in itertools.pairwise(people)]
    told = rng.sample(facts, len(facts))
    upwards = rng.random() < 0.5
    wanted, answer = (highest, people[-1]) if upwards else (lowest, people[0])
    start = people.index(told[0].split()[0])
    climb = facts[start:] if upwards else facts[:start][::-1]
    end = f"Nobody is {more} than {answer}." if upwards else f"{answer} is {more} than nobody."
    return StarterProblem(
        family="ordering",
        question=f"{' '.join(told)} Who is the {wanted}?",
        reasoning=" ".join([*climb, end]),
        conclusion=f"The {wanted} is \\boxed{{{answer}}}.",
        answer=answer,
        domain="logic",
        verifier="exact",
        verifier_spec={},
        difficulty=len(people) - 2,
    )


def _logic(rng: random.Random) -> StarterProblem:
    people = rng.sample(NAMES, rng.randint(3, 5))
    told, steps, lying = [], [], {people[0]: rng.random() < 0.5}
    opening = f"{people[0]} {'lies' if lying[people[0]] else 'is honest'}."
    for position in range(1, len(people)):
        speaker, subject = people[position], rng.choice(people[:position])
        accuses = rng.random() < 0.5
        claim = f"{speaker} says {subject} {'lies' if accuses else 'is honest'}"
        lying[speaker] = accuses != lying[subject]
        told.append(f"{claim}.")
        steps.append(f"{subject} {_nature(lying[subject])}, so {speaker} {_nature(lying[speaker])}.")
    liars = sum(lying.values())
    choices = _choices_around(liars, most=len(people), rng=rng)
    letter = next(letter for letter, text in choices.items() if text == str(liars))
    options = ", ".join(f"({key}) {text}" for key, text in choices.items())
    return StarterProblem(
        family="logic",
        question=f"{' '.join([opening, *told])} How many of {_listed(people)} lie: {options}?",
        reasoning=" ".join([*steps, f"Liars: {liars}."]),
        conclusion=f"The answer is \\boxed{{{letter}}}.",
        answer=letter,
        domain="logic",
        verifier="choice",
        verifier_spec={"choices": choices},
        difficulty=len(people) - 2,
    )


def _nature(is_liar: bool) -> str:  # noqa: FBT001 - it is the value being named
    return "lies" if is_liar else "is honest"


def _listed(people: list[str]) -> str:
    return f"{', '.join(people[:-1])} and {people[-1]}"


def _choices_around(value: int, *, most: int, rng: random.Random) -> dict[str, str]:
    """Four lettered counts between 0 and ``most``, in random order, ``value`` among them."""
    others = rng.sample([count for count in range(most + 1) if count != value], len(LETTERS) - 1)
    texts = rng.sample([value, *others], len(LETTERS))
    return {letter: str(text) for letter, text in zip(LETTERS, texts, strict=True)}


FAMILIES: dict[str, Callable[[random.Random], StarterProblem]] = {
    "addition": _addition,
    "comparison": _comparison,
    "ordering": _ordering,
    "logic": _logic,
}
