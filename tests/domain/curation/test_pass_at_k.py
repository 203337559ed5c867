import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import comb

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.curation.pass_at_k import (
    PASS_AT,
    outcomes_by_round,
    pass_at,
    pass_at_after_rounds,
    pass_at_k_table,
)
from openreason_dagster.domain.inference.adaptive import Decision, SamplingRule

CORRECT, INCORRECT, UNJUDGED = True, False, None
Mark = bool | None


def rule(first: int, length: int, maximum: int, *, enough: int = 2, lowest: float = 0.3) -> SamplingRule:
    return SamplingRule(
        first_round=first, round=length, maximum=maximum, enough_correct=enough, lowest_pass_rate=lowest, confidence=0.6
    )


RULE = rule(2, 2, 6)


def share_of_subsets_with_a_success(judged: int, correct: int, k: int) -> Fraction:
    subsets = list(itertools.combinations(range(judged), k))
    return Fraction(sum(min(subset) < correct for subset in subsets), len(subsets))


def outcomes(some: SamplingRule, chances: dict[Mark, Fraction]) -> Iterator[tuple[Fraction, tuple[Mark, ...]]]:
    """Every sequence of samples at which the rule stops, with its probability."""

    def extended(marks: tuple[Mark, ...], weight: Fraction) -> Iterator[tuple[Fraction, tuple[Mark, ...]]]:
        if marks and len(marks) in some.round_ends() and some.decide(len(marks), marks.count(CORRECT)) != "go_on":
            yield weight, marks
            return
        for mark, chance in chances.items():
            if chance:
                yield from extended((*marks, mark), weight * chance)

    return extended((), Fraction(1))


def judged_by_round(some: SamplingRule, marks: Sequence[Mark]) -> list[int]:
    starts = (0, *some.round_ends())
    ends = [end for end in some.round_ends() if end <= len(marks)]
    return [sum(mark is not None for mark in marks[start:end]) for start, end in zip(starts, ends, strict=False)]


def estimate(some: SamplingRule, marks: Sequence[Mark], k: int) -> Fraction | None:
    counts = judged_by_round(some, marks)
    return pass_at_after_rounds(some, counts, correct=list(marks).count(CORRECT), at=[k])[0]


@st.composite
def rules(draw: st.DrawFn) -> SamplingRule:
    first, length = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    maximum = draw(st.integers(first, 6))
    return rule(
        first, length, maximum, enough=draw(st.integers(1, 4)), lowest=draw(st.sampled_from([0.0, 0.2, 0.3, 0.6]))
    )


@st.composite
def chances(draw: st.DrawFn) -> dict[Mark, Fraction]:
    weights = [draw(st.integers(0, 5)), draw(st.integers(1, 5)), draw(st.integers(0, 5))]
    return {mark: Fraction(w, sum(weights)) for mark, w in zip((CORRECT, INCORRECT, UNJUDGED), weights, strict=True)}


@pytest.mark.parametrize("k", PASS_AT)
def test_fixed_sampling_takes_the_share_of_subsets_with_a_success(k: int) -> None:
    cases = [(judged, correct) for judged in range(11) for correct in range(judged + 1)]
    estimates = pl.DataFrame(cases, schema=["judged", "correct"], orient="row").select(pass_at(k)).to_series()
    for (judged, correct), found in zip(cases, estimates, strict=True):
        if judged < k:
            assert found is None
        else:
            assert found == pytest.approx(float(share_of_subsets_with_a_success(judged, correct, k)), abs=1e-12)


@pytest.mark.parametrize(("k", "chance"), [(1, 0.3), (2, 0.3), (4, 0.1), (8, 0.1)])
def test_fixed_sampling_is_unbiased(k: int, chance: float) -> None:
    draw = random.Random(k)
    counts = [sum(draw.random() < chance for _ in range(10)) for _ in range(20_000)]
    mean = pl.DataFrame({"judged": 10, "correct": counts}).select(pass_at(k).mean()).item()
    assert mean == pytest.approx(1 - (1 - chance) ** k, abs=0.01)


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_one_round_is_fixed_sampling_exactly(judged: int, correct: int, k: int) -> None:
    correct, k = min(correct, judged), min(k, judged)
    some = rule(judged, 1, judged)
    [found] = pass_at_after_rounds(some, [judged], correct=correct, at=[k])
    assert found == 1 - Fraction(comb(judged - correct, k), comb(judged, k))


@settings(max_examples=60, deadline=None)
@given(rules(), chances(), st.integers(1, 3))
def test_stopped_sampling_is_unbiased_over_all_outcomes(
    some: SamplingRule, chance: dict[Mark, Fraction], k: int
) -> None:
    known = [
        (weight, found) for weight, marks in outcomes(some, chance) if (found := estimate(some, marks, k)) is not None
    ]
    mass = sum(weight for weight, _ in known)
    if k > some.first_round:
        assert mass == 0
        return
    expected = 1 - (1 - chance[CORRECT] / (chance[CORRECT] + chance[INCORRECT])) ** k
    assert sum(weight * found for weight, found in known) == mass * expected
    assert all(0 <= found <= 1 for _, found in known)


@settings(max_examples=60, deadline=None)
@given(rules(), chances(), st.integers(1, 3))
def test_an_estimate_is_missing_only_where_the_first_round_has_too_few_judged(
    some: SamplingRule, chance: dict[Mark, Fraction], k: int
) -> None:
    for _, marks in outcomes(some, chance):
        assert (estimate(some, marks, k) is None) == (judged_by_round(some, marks)[0] < k)


@pytest.mark.parametrize("k", [1, 2])
def test_plain_shares_are_biased_where_a_rule_stops(k: int) -> None:
    chance = {CORRECT: Fraction(1, 2), INCORRECT: Fraction(1, 2)}
    expected = 1 - Fraction(1, 2) ** k
    plain = sum(
        weight * share_of_subsets_with_a_success(len(marks), marks.count(CORRECT), k)
        for weight, marks in outcomes(RULE, chance)
    )
    allowed_for = sum(weight * (estimate(RULE, marks, k) or 0) for weight, marks in outcomes(RULE, chance))
    assert abs(plain - expected) > Fraction(1, 50)
    assert allowed_for == expected


@pytest.mark.parametrize(
    ("counts", "correct", "k", "found"),
    [
        pytest.param([2], 2, 1, Fraction(1), id="stopped-at-once"),
        pytest.param([2, 2], 2, 1, Fraction(2, 5), id="both-in-the-first-round-would-have-stopped"),
        pytest.param([2, 2], 2, 2, Fraction(4, 5), id="first-two"),
        pytest.param([2, 2], 2, 3, None, id="k-beyond-the-first-round"),
        pytest.param([1, 2], 1, 2, None, id="first-round-with-an-unjudged-sample"),
        pytest.param([2, 1], 1, 1, Fraction(1, 3), id="last-round-not-complete"),
        pytest.param([2, 1], 4, 1, None, id="more-correct-than-judged"),
        pytest.param([2, 2, 2], 0, 1, None, id="the-rule-gives-up-earlier"),
        pytest.param([0], 0, 1, None, id="nothing-judged"),
    ],
)
def test_estimates_by_hand(counts: list[int], correct: int, k: int, found: Fraction | None) -> None:
    assert RULE.decide(2, 0) is Decision.GO_ON
    assert RULE.decide(4, 0) is Decision.HOPELESS
    assert pass_at_after_rounds(RULE, counts, correct=correct, at=[k]) == [found]


def test_the_table_repeats_what_is_known_of_equal_outcomes() -> None:
    rows = {"prompt_id": ["a", "b", "c"], "judged_by_round": [[2, 2], [2], [2, 2]], "correct": [2, 0, 2]}
    table = pass_at_k_table(RULE, pl.DataFrame(rows))
    assert table.sort("prompt_id").select("prompt_id", "pass_at_1", "pass_at_2", "pass_at_4").rows() == [
        ("a", 0.4, 0.8, None),
        ("b", 0.0, 0.0, None),
        ("c", 0.4, 0.8, None),
    ]


@pytest.mark.parametrize(
    ("samples", "counts", "correct"),
    [
        pytest.param({0: True, 1: True}, [2], 2, id="settled-in-the-first-round"),
        pytest.param({0: True, 1: True, 2: False, 3: True}, [2], 2, id="samples-nobody-asked-for"),
        pytest.param({0: True, 1: None, 2: None, 3: None}, [1, 0], 1, id="a-round-without-judged"),
        pytest.param({0: True, 1: False, 2: True}, [2, 1], 2, id="last-round-not-complete"),
        pytest.param({0: False, 2: True, 3: True}, [1], 0, id="nothing-follows-a-round-with-a-gap"),
        pytest.param(dict.fromkeys(range(6), None) | {0: True, 9: True}, [1, 0, 0], 1, id="beyond-the-maximum"),
    ],
)
def test_only_samples_the_rule_asked_for_are_counted(samples: dict[int, Mark], counts: list[int], correct: int) -> None:
    rows = {"prompt_id": "p", "sample_index": list(samples), "is_correct": list(samples.values())}
    traces = pl.DataFrame(rows, schema_overrides={"is_correct": pl.Boolean}).sample(fraction=1, shuffle=True, seed=1)
    found = outcomes_by_round(traces.lazy(), RULE, ["prompt_id"]).collect()
    assert found.rows() == [("p", counts, correct)]


@settings(max_examples=40, deadline=None)
@given(rules(), st.lists(st.sampled_from([CORRECT, INCORRECT, UNJUDGED]), min_size=6, max_size=6), st.integers(0, 6))
def test_frames_count_like_the_rule(some: SamplingRule, world: list[Mark], surplus: int) -> None:
    asked = some.samples_asked([mark is True for mark in world])
    marks = world[: asked + surplus]
    rows = pl.DataFrame(
        {"prompt_id": "p", "sample_index": range(len(marks)), "is_correct": marks},
        schema_overrides={"is_correct": pl.Boolean, "sample_index": pl.Int64},
    )
    found = outcomes_by_round(rows.lazy(), some, ["prompt_id"]).collect()
    assert found.rows() == [("p", judged_by_round(some, marks[:asked]), marks[:asked].count(CORRECT))]
