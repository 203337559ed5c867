import itertools
import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, StarterProblem, distinct, generate, split_of

FAMILY_NAMES = sorted(FAMILIES)


def solve_addition(question: str) -> str:
    return str(sum(int(number) for number in re.findall(r"\d+", question)))


def solve_comparison(question: str) -> str:
    numbers = sorted(int(number) for number in re.findall(r"\d+", question))
    return str(numbers[-1] if "largest" in question else numbers[0])


def solve_ordering(question: str) -> str:
    above = re.findall(r"(\w+) is \w+er than (\w+)\.", question)
    people = {name for pair in above for name in pair}
    orders = [
        order
        for order in itertools.permutations(people)
        if all(order.index(upper) > order.index(lower) for upper, lower in above)
    ]
    assert len(orders) == 1, "the facts leave the order open"
    asks_for_lowest = question.endswith(("shortest?", "youngest?", "slowest?"))
    return orders[0][0 if asks_for_lowest else -1]


def solve_logic(question: str) -> str:
    name, nature = re.match(r"(\w+) (lies|is honest)\.", question).groups()
    claims = re.findall(r"(\w+) says (\w+) (lies|is honest)\.", question)
    people = [name, *(speaker for speaker, _, _ in claims)]
    worlds = [
        world
        for honesty in itertools.product((True, False), repeat=len(people))
        for world in [dict(zip(people, honesty, strict=True))]
        if world[name] == (nature == "is honest")
        and all(world[speaker] == (world[subject] == (claim == "is honest")) for speaker, subject, claim in claims)
    ]
    assert len(worlds) == 1, "the claims leave the liars open"
    liars = sum(not honest for honest in worlds[0].values())
    return next(letter for letter, count in re.findall(r"\(([A-D])\) (\d)", question) if int(count) == liars)


SOLVERS: dict[str, Callable[[str], str]] = {
    "addition": solve_addition,
    "comparison": solve_comparison,
    "ordering": solve_ordering,
    "logic": solve_logic,
}


def drawn(family: str, *, count: int = 200, seed: int = 0, split: str = "train") -> list[StarterProblem]:
    return list(generate(family, count=count, seed=seed, split=split))


@pytest.mark.parametrize("family", FAMILY_NAMES)
@given(seed=st.integers(0, 2**32))
def test_answer_follows_from_the_question_alone(family: str, seed: int) -> None:
    for problem in drawn(family, count=5, seed=seed):
        assert problem.answer == SOLVERS[family](problem.question)


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_text_states_the_answer_once_in_a_box(family: str) -> None:
    for problem in drawn(family):
        assert re.findall(r"\\boxed\{(.*?)\}", problem.conclusion) == [problem.answer]
        assert "boxed" not in problem.reasoning
        assert problem.question.endswith("?")
        assert problem.difficulty >= 1


def test_worked_column_sums_are_right() -> None:
    for problem in drawn("addition"):
        for left, right in re.findall(r"([\d+]+)=(\d+)", problem.reasoning):
            assert sum(map(int, left.split("+"))) == int(right)


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_verifier_fits_the_answer(family: str) -> None:
    for problem in drawn(family):
        assert problem.family == family
        assert problem.verifier in {"math", "exact", "choice"}
        assert (problem.verifier == "math") == problem.answer.isdigit()
        assert (problem.verifier == "choice") == ("choices" in problem.verifier_spec)


def test_choices_are_those_of_the_question_and_differ() -> None:
    for problem in drawn("logic"):
        choices = problem.verifier_spec["choices"]
        assert dict(re.findall(r"\(([A-D])\) (\d)", problem.question)) == choices
        assert len(set(choices.values())) == 4
        assert problem.answer in choices


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_splits_never_meet_whatever_the_seeds(family: str) -> None:
    train = {p.question for seed in range(5) for p in drawn(family, count=300, seed=seed)}
    held_out = {p.question for seed in range(5) for p in drawn(family, count=300, seed=seed, split="held_out")}
    assert not train & held_out
    assert {split_of(question) for question in held_out} == {"held_out"}


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_same_arguments_same_problems_and_other_seed_others(family: str) -> None:
    assert drawn(family, seed=7) == drawn(family, seed=7)
    assert drawn(family, seed=7) != drawn(family, seed=8)


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_larger_count_continues_the_same_list(family: str) -> None:
    assert drawn(family, count=50) == drawn(family, count=80)[:50]


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_questions_are_distinct(family: str) -> None:
    questions = [p.question for p in drawn(family, count=2_000)]
    assert len(set(questions)) == 2_000


def test_no_ten_fixed_words_in_a_row_make_problems_look_alike() -> None:
    for family in FAMILY_NAMES:
        fixed = [re.sub(r"\b(\d+|[A-Z][a-z]{2})\b", "|", p.question).split("|") for p in drawn(family)]
        assert max(len(part.split()) for parts in fixed for part in parts) < 10


def test_unknown_family_is_refused_at_once_with_the_known_ones() -> None:
    with pytest.raises(SourceError, match=r"'division'.*addition, comparison"):
        generate("division", count=1, seed=0, split="train")


def test_exhausted_family_says_how_many_it_gave() -> None:
    only = drawn("addition", count=1)[0]
    problems = distinct(lambda _rng: only, random.Random(0), count=2, split="train")
    assert next(problems) == only
    with pytest.raises(SourceError, match=r"'addition'.*found 1 distinct problems, expected 2"):
        next(problems)
