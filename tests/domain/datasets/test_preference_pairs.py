"""A pair is a correct and a wrong trace of one prompt, of similar length; prompts without a pair have their reason."""

import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.datasets.preference_pairs import (
    Answer,
    judged_traces,
    make_pairs,
    nearest_in_length,
    with_texts,
)
from openreason_dagster.domain.recipe_preference import PreferencePairs
from openreason_dagster.domain.schemas import PREFERENCE_PAIRS, PREFERENCE_PAIRS_DROPPED, TABLES

SCHEMA = pl.Schema({
    "trace_id": pl.String(), "prompt_id": pl.String(), "finish_reason": pl.String(), "characters": pl.Int64(),
    "text_hash": pl.UInt64(), "is_correct": pl.Boolean(), "reward_format": pl.Float64(),
})  # fmt: skip
POOL = pl.DataFrame({"prompt_id": ["p"], "domain": ["math"]})


def trace(number, characters, *, correct, prompt="p", finish="stop", text=None, form=1.0):
    return (f"t{number}", prompt, finish, characters, number if text is None else text, correct, form)


def pairs_of(*traces, pool=POOL, **rules):
    return make_pairs(pl.DataFrame(traces, schema=SCHEMA, orient="row"), pool, PreferencePairs(**rules))


def test_partners_of_similar_length_are_paired():
    found = pairs_of(
        trace(0, 100, correct=True), trace(1, 400, correct=True), trace(2, 390, correct=False),
        trace(3, 900, correct=False), pairs_per_prompt=1,
    ).made  # fmt: skip
    assert found.select("chosen_trace_id", "rejected_trace_id").rows() == [("t1", "t2")]
    assert found.select("chosen_characters", "rejected_characters").rows() == [(400, 390)]


@pytest.mark.parametrize(
    ("traces", "rules", "reason"),
    [
        pytest.param([], {}, "nothing_judged", id="no-traces"),
        pytest.param([trace(0, 9, correct=False)], {}, "no_correct_trace", id="all-wrong"),
        pytest.param([trace(0, 9, correct=True)], {}, "no_incorrect_trace", id="all-right"),
        pytest.param(
            [trace(0, 9, correct=True), trace(1, 9, correct=False, finish="length")], {}, "no_usable_trace",
            id="wrong-one-was-cut",
        ),
        pytest.param(
            [trace(0, 9, correct=True, form=0.0), trace(1, 9, correct=False)], {"well_formed": "chosen"},
            "no_usable_trace", id="chosen-is-malformed",
        ),
        pytest.param(
            [trace(0, 9, correct=True), trace(1, 9, correct=False, form=0.0)], {}, "no_usable_trace",
            id="rejected-is-malformed",
        ),
        pytest.param(
            [trace(0, 9, correct=True), trace(1, 9, correct=False, form=0.0)], {"well_formed": "chosen"}, None,
            id="rejected-may-be-malformed",
        ),
        pytest.param(
            [trace(0, 9, correct=True, finish=None), trace(1, 9, correct=False, finish=None)], {}, None,
            id="unknown-finish-is-no-cut",
        ),
        pytest.param(
            [trace(0, 10, correct=True), trace(1, 21, correct=False)], {}, "no_similar_length", id="lengths-differ"
        ),
        pytest.param(
            [trace(0, 10, correct=True), trace(1, 20, correct=False)], {}, None, id="longest-ratio-belongs-to-it"
        ),
    ],
)  # fmt: skip
def test_reason_of_a_prompt_without_a_pair(traces, rules, reason):
    found = pairs_of(*traces, **rules)
    assert found.dropped["reason"].to_list() == ([] if reason is None else [reason])
    assert found.made.height == (reason is None)
    assert found.dropped.schema == PREFERENCE_PAIRS_DROPPED.schema


def test_prompts_whose_reference_is_doubted_get_no_pair():
    traces = pl.DataFrame([trace(0, 9, correct=True), trace(1, 9, correct=False)], schema=SCHEMA, orient="row")
    found = make_pairs(traces, POOL, PreferencePairs(), doubted=["p"])
    assert found.made.is_empty()
    assert found.dropped.select("reason", "correct", "incorrect").rows() == [("suspect_reference", 1, 1)]


def test_a_text_is_used_once():
    found = pairs_of(
        trace(0, 10, correct=True, text=7), trace(1, 10, correct=True, text=7),
        trace(2, 10, correct=False), trace(3, 10, correct=False), pairs_per_prompt=4,
    ).made  # fmt: skip
    assert found["chosen_trace_id"].to_list() == ["t0"]


def test_prompts_outside_the_pool_are_not_paired():
    found = pairs_of(trace(0, 9, correct=True, prompt="other"), trace(1, 9, correct=False, prompt="other"))
    assert found.made.is_empty()
    assert found.dropped["prompt_id"].to_list() == ["p"]


answers = st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=12).map(
    lambda rows: [Answer(length, f"t{number}", correct) for number, (length, correct) in enumerate(rows)]
)


@given(answers, st.integers(1, 6), st.floats(1, 4))
def test_pairs_are_disjoint_alternate_and_within_the_ratio(given_answers, most, ratio):
    found = nearest_in_length(given_answers, most, longest_ratio=ratio)
    used = [answer.trace_id for pair in found for answer in pair]
    assert len(used) == len(set(used))
    assert len(found) <= most
    for chosen, rejected in found:
        assert (chosen.is_correct, rejected.is_correct) == (True, False)
        lengths = sorted([chosen.characters, rejected.characters])
        assert lengths[1] / lengths[0] <= ratio


@given(answers)
def test_first_pair_is_the_most_similar_of_all(given_answers):
    ratios = [
        max(one.characters, other.characters) / min(one.characters, other.characters)
        for one, other in itertools.combinations(given_answers, 2)
        if one.is_correct != other.is_correct
    ]
    found = nearest_in_length(given_answers, 1, longest_ratio=100)
    assert bool(found) == bool(ratios)
    for one, other in found:
        assert max(one.characters, other.characters) / min(one.characters, other.characters) == min(ratios)


@given(st.permutations(range(8)))
def test_order_of_rows_does_not_matter(order):
    traces = [trace(number, 10 + number, correct=number % 3 == 0) for number in range(8)]
    assert pairs_of(*(traces[place] for place in order)).made.equals(pairs_of(*traces).made)


def rows_of(kind, *rows):
    """Rows of a table with null in the columns that are not given."""
    return TABLES[kind].frame(dict.fromkeys(TABLES[kind].schema) | row for row in rows).lazy()


def test_rows_hold_texts_split_and_both_traces():
    sampled = rows_of(
        "sampled_traces",
        {"trace_id": "a", "prompt_id": "p0", "reasoning": " so 5 ", "answer": "5", "finish_reason": "stop"},
        {"trace_id": "b", "prompt_id": "p0", "reasoning": "", "answer": " six ", "finish_reason": "stop"},
        {"trace_id": "c", "prompt_id": "p0", "reasoning": "", "answer": "?", "finish_reason": "stop"},
    )
    verified = rows_of(
        "verified_traces",
        {"trace_id": "a", "verdict": "correct", "is_correct": True},
        {"trace_id": "b", "verdict": "incorrect", "is_correct": False},
        {"trace_id": "c", "verdict": "no_answer"},
    )
    scored = rows_of("scored_traces", {"trace_id": "a", "reward_format": 1.0}, {"trace_id": "b", "reward_format": 0.0})
    traces = judged_traces(sampled, verified, scored=scored).collect()
    assert sorted(traces["trace_id"]) == ["a", "b"], "what was not judged is not wrong"
    pool = rows_of("prompt_pool", {
        "prompt_id": "p0", "prompt": "2 + 3?", "source": "s", "domain": "math", "language": "en", "license": "MIT",
    })  # fmt: skip
    made = make_pairs(traces, pool.select("prompt_id", "domain").collect(), PreferencePairs(well_formed="chosen")).made
    found = with_texts(made.lazy(), sampled, pool=pool, split=pl.lit("train")).collect()
    assert found.schema == PREFERENCE_PAIRS.schema
    row = found.row(0, named=True)
    assert (row["chosen"], row["rejected"]) == ("<think>\nso 5\n</think>\n\n5", "six")
    assert (row["chosen_trace_id"], row["rejected_trace_id"]) == ("a", "b")
    assert (row["method"], row["prompt"], row["split"], row["score_difference"]) == (
        "verified",
        "2 + 3?",
        "train",
        None,
    )
