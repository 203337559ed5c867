import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from openreason_dagster.domain.inference.adaptive import Decision, SamplingRule
from openreason_dagster.domain.recipe_sampling import Adaptive

VALUES: dict[str, Any] = {
    "first_round": 4, "round": 4, "maximum": 64, "enough_correct": 4, "lowest_pass_rate": 0.1, "confidence": 0.9,
}  # fmt: skip


def rule(**changes: Any) -> SamplingRule:
    return SamplingRule(**(VALUES | changes))


@st.composite
def rules(draw: st.DrawFn) -> SamplingRule:
    first, length, more = (draw(st.integers(1, 9)) for _ in range(3))
    return SamplingRule(
        first_round=first,
        round=length,
        maximum=first + 4 * (more - 1),
        enough_correct=draw(st.integers(1, 8)),
        lowest_pass_rate=draw(st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 0.9])),
        confidence=draw(st.sampled_from([0.51, 0.8, 0.9, 0.95, 0.99])),
    )


@pytest.mark.parametrize(
    ("first", "length", "maximum", "ends"),
    [
        pytest.param(4, 4, 12, (4, 8, 12), id="even"),
        pytest.param(4, 8, 15, (4, 12, 15), id="last-round-is-shorter"),
        pytest.param(4, 8, 4, (4,), id="one-round-is-fixed-sampling"),
        pytest.param(1, 1, 3, (1, 2, 3), id="sample-by-sample"),
        pytest.param(4, 100, 6, (4, 6), id="round-longer-than-what-is-left"),
    ],
)
def test_round_ends(first: int, length: int, maximum: int, ends: tuple[int, ...]) -> None:
    assert rule(first_round=first, round=length, maximum=maximum).round_ends() == ends


@pytest.mark.parametrize(
    ("samples", "correct", "decision"),
    [
        pytest.param(0, 0, Decision.GO_ON, id="nothing-known"),
        pytest.param(4, 3, Decision.GO_ON, id="not-settled"),
        pytest.param(4, 4, Decision.ENOUGH_CORRECT, id="enough"),
        pytest.param(5, 5, Decision.GO_ON, id="a-round-is-finished-first"),
        pytest.param(20, 0, Decision.GO_ON, id="0.9^20-is-above-a-tenth"),
        pytest.param(24, 0, Decision.HOPELESS, id="0.9^24-is-below-a-tenth"),
        pytest.param(24, 1, Decision.GO_ON, id="one-success-keeps-hope"),
        pytest.param(40, 1, Decision.HOPELESS, id="one-success-in-forty-does-not"),
        pytest.param(64, 2, Decision.HOPELESS, id="hopeless-is-told-at-the-maximum-too"),
        pytest.param(64, 3, Decision.MAXIMUM, id="not-settled-at-the-maximum"),
        pytest.param(64, 4, Decision.ENOUGH_CORRECT, id="enough-at-the-maximum"),
        pytest.param(100, 4, Decision.ENOUGH_CORRECT, id="more-than-the-maximum-are-there"),
    ],
)
def test_decisions(samples: int, correct: int, decision: Decision) -> None:
    assert rule().decide(samples, correct) is decision


def test_a_prompt_that_is_never_settled_ends_at_the_maximum() -> None:
    never = rule(lowest_pass_rate=0.0)
    assert [never.decide(end, 0) for end in never.round_ends()] == [Decision.GO_ON] * 15 + [Decision.MAXIMUM]


@pytest.mark.parametrize(
    ("samples", "rate", "confidence", "most"),
    [
        pytest.param(1, 0.1, 0.9, -1, id="0.9-is-above-a-tenth"),
        pytest.param(1, 0.9, 0.9, 0, id="exactly-the-tail-although-floats-say-1-0.9<0.1"),
        pytest.param(29, 0.1, 0.95, 0, id="rule-of-three"),
        pytest.param(28, 0.1, 0.95, -1, id="one-sample-too-few"),
        pytest.param(2000, 0.5, 0.975, 955, id="counts-beyond-floats"),
        pytest.param(10, 0.0, 0.9, -1, id="no-band-gives-up-nothing"),
    ],
)
def test_the_bound_is_the_exact_one(samples: int, rate: float, confidence: float, most: int) -> None:
    assert rule(lowest_pass_rate=rate, confidence=confidence).hopeless_up_to(samples) == most


@given(rules(), st.integers(1, 40))
def test_hopeless_is_the_binomial_tail(some: SamplingRule, samples: int) -> None:
    most, rate = some.hopeless_up_to(samples), some.lowest_pass_rate
    terms = [math.comb(samples, c) * rate**c * (1 - rate) ** (samples - c) for c in range(samples + 1)]
    assert -1 <= most < samples
    assert sum(terms[: most + 1]) <= 1 - some.confidence + 1e-9
    assert sum(terms[: most + 2]) > 1 - some.confidence - 1e-9


@given(rules(), st.lists(st.booleans(), max_size=60))
def test_no_more_than_the_maximum_is_ever_asked_for(some: SamplingRule, marks: list[bool]) -> None:
    assert some.first_round <= some.samples_asked(marks) <= some.maximum
    assert some.samples_asked(marks) in some.round_ends()
    assert some.decide(some.maximum, sum(marks[: some.maximum])) is not Decision.GO_ON


@given(rules(), st.integers(0, 60), st.integers(0, 60))
def test_more_correct_samples_never_make_a_prompt_hopeless(some: SamplingRule, samples: int, correct: int) -> None:
    order = [Decision.HOPELESS, Decision.GO_ON, Decision.MAXIMUM, Decision.ENOUGH_CORRECT]
    ranks = [order.index(some.decide(samples, min(found, samples))) for found in (correct, correct + 1)]
    assert ranks == sorted(ranks)


@given(rules(), st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=60))
def test_later_samples_never_change_where_a_prompt_was_settled(
    some: SamplingRule, marks: list[bool], later: list[bool]
) -> None:
    asked = some.samples_asked(marks)
    if len(marks) >= asked:
        assert some.samples_asked(marks + later) == some.samples_asked(marks[:asked]) == asked


@given(rules(), st.lists(st.booleans(), min_size=60, max_size=60), st.lists(st.integers(0, 5), min_size=1))
def test_every_schedule_of_interruptions_leads_to_the_same_samples(
    some: SamplingRule, world: list[bool], steps: list[int]
) -> None:
    known: list[bool] = []
    for step in [*steps, *[60] * 60]:
        known = world[: min(len(known) + step, some.samples_asked(known))]
    assert len(known) == some.samples_asked(world)


def test_the_recipe_part_gives_the_rule() -> None:
    assert Adaptive(**VALUES).rule == rule()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"maximum": 3}, "`maximum` is 3, less than `first_round`", id="maximum-below-first-round"),
        pytest.param({"enough_correct": 65}, "`enough_correct` is 65, more than", id="enough-can-never-be"),
        pytest.param({"confidence": 0.5}, "greater than 0.5", id="a-coin-is-no-confidence"),
        pytest.param({"confidence": 1}, "less than 1", id="certainty-never-comes"),
        pytest.param({"lowest_pass_rate": 1}, "less than 1", id="nothing-is-always-right"),
        pytest.param({"round": 0}, "greater than or equal to 1", id="rounds-without-samples"),
        pytest.param({"rounds": 3}, "Extra inputs", id="unknown-key"),
    ],
)
def test_impossible_rules_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Adaptive(**(VALUES | changes))
