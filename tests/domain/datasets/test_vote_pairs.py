"""Pairs by votes: which answers meet, which pairs the votes keep, and lengths that tell nothing of the winner."""

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.curation.splits import split_of
from openreason_dagster.domain.datasets.vote_pairs import candidates, decided, measured, undecided_pairs, with_texts
from openreason_dagster.domain.recipe_open_answers import PreferenceVotes
from openreason_dagster.domain.schemas import PREFERENCE_VOTES, PROMPT_CLUSTERS

VOTES = PREFERENCE_VOTES.schema["votes"]


def rules(**changes):
    return PreferenceVotes(judge={"model": "j"}, **changes)


def answers(*texts, prompt="a" * 32):
    return pl.LazyFrame([
        {"trace_id": f"{prompt[0]}{number:02}", "prompt_id": prompt, "source": "chat", "domain": "general",
         "language": "en", "license": ("MIT", "CC-BY-4.0")[number % 2], "prompt": "Hi?", "reasoning": "",
         "answer": text}
        for number, text in enumerate(texts)
    ])  # fmt: skip


def pairs_of(frame, **changes):
    return candidates(measured(frame).collect(), rules(**changes))


@pytest.mark.parametrize(
    ("texts", "changes", "expected"),
    [
        pytest.param(["one"], {}, [], id="one-answer-meets-nobody"),
        pytest.param(["same", " same\n"], {}, [], id="the-same-text-twice"),
        pytest.param(["aa", "bbbb"], {}, [("a00", "a01", None)], id="two"),
        pytest.param(["a" * 9, "b", "c" * 8, "d" * 2], {}, [("a00", "a02", None)], id="nearest-in-length-first"),
        pytest.param(
            ["a" * 9, "b", "c" * 8, "d" * 2], {"pairs_per_prompt": 2}, [("a00", "a02", None), ("a01", "a03", None)],
            id="no-answer-twice",
        ),
        pytest.param(["a" * 101, "b"], {"longest_answer": 100}, [("a00", "a01", "over_long")], id="judge-sees-it-all"),
    ],
)  # fmt: skip
def test_answers_that_meet(texts, changes, expected):
    found = pairs_of(answers(*texts), **changes)
    assert found.select("first_trace_id", "second_trace_id", "reason").sort("first_trace_id").rows() == expected


def test_over_the_limit_pairs_are_marked_and_the_order_of_rows_does_not_matter():
    frames = [answers("x", "yy", prompt=letter * 32) for letter in "abcde"]
    found = pairs_of(pl.concat(frames), pairs=3)
    assert found["reason"].value_counts().sort("reason").rows() == [(None, 3), ("over_row_limit", 2)]
    again = pairs_of(pl.concat(frames[::-1]), pairs=3)
    assert found.equals(again)


def voted(*rows):
    """From (mean difference, problem, first characters, second characters)."""
    vote = {"order": "forward", "first_score": 1.0, "second_score": 1.0, "problem": None}
    return pl.DataFrame(
        [
            {"pair_id": f"p{number:03}", "prompt_id": "a", "source": "s", "domain": "general", "first_trace_id": "x",
             "second_trace_id": "y", "first_characters": first, "second_characters": second, "judge_model": "j",
             "votes": [vote], "mean_difference": mean, "reason": problem}
            for number, (mean, problem, first, second) in enumerate(rows)
        ],
        schema_overrides={"votes": VOTES, "mean_difference": pl.Float64, "reason": pl.String},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param((1.25, None, 9, 9), ("first", None, 0.25), id="first-wins"),
        pytest.param((-3.0, None, 9, 9), ("second", None, 2.0), id="second-wins"),
        pytest.param((1.0, None, 9, 9), (None, "too_close", 0.0), id="not-above-the-minimum"),
        pytest.param((0.0, None, 9, 9), (None, "too_close", -1.0), id="even"),
        pytest.param((None, "unreadable", 9, 9), (None, "unreadable", None), id="unknown-is-no-vote"),
        pytest.param((None, "not_asked", 9, 9), (None, "not_asked", None), id="budget"),
        pytest.param((None, "over_long", 9, 9), (None, "over_long", None), id="was-not-put-to-the-vote"),
    ],
)
def test_what_the_votes_decide(row, expected):
    assert decided(voted(row), rules()).select("chosen", "reason", "margin").row(0) == expected


def balance(rows):
    kept = rows.filter(pl.col("reason").is_null())
    is_first = pl.col("chosen") == "first"
    chosen = pl.when(is_first).then("first_characters").otherwise("second_characters")
    rejected = pl.when(is_first).then("second_characters").otherwise("first_characters")
    return kept.select(chosen.sum().alias("chosen"), rejected.sum().alias("rejected")).row(0)


def test_a_judge_that_likes_length_loses_its_most_unequal_pairs():
    generator = random.Random(7)
    rows = [(4.0, None, generator.randrange(300, 1_500), 300) for _ in range(40)] + [(4.0, None, 300, 500)] * 40
    before = balance(decided(voted(*rows), rules(length_tolerance=None)))
    found = decided(voted(*rows), rules())
    left_out = found.filter(reason="unbalanced_length")
    assert before[0] > 1.1 * before[1]
    assert max(balance(found)) <= 1.1 * min(balance(found))
    assert 0 < left_out.height < 40
    assert left_out["first_characters"].min() >= found.filter(pl.col("reason").is_null())["first_characters"].max()
    assert left_out["chosen"].null_count() == left_out.height
    assert left_out["margin"].null_count() == 0, "the votes are kept with the pair"


@given(
    st.lists(
        st.tuples(st.sampled_from([-2.0, 0.5, 2.0]), st.integers(1, 999), st.integers(1, 999)), min_size=1, max_size=30
    ),
    st.sampled_from([0.0, 0.1, 1.0]),
)
def test_kept_lengths_are_balanced_and_no_pair_is_lost(rows, tolerance):
    votes = voted(*((mean, None, first, second) for mean, first, second in rows))
    found = decided(votes, rules(length_tolerance=tolerance))
    assert found.height == len(rows)
    chosen, rejected = balance(found)
    assert max(chosen, rejected) <= (1 + tolerance) * min(chosen, rejected) + 1e-6
    assert found.filter(pl.col("reason").is_null() != pl.col("chosen").is_not_null()).is_empty()


def test_rows_hold_the_answers_as_they_were_judged():
    frame = answers("  short ", "a longer one")
    votes = decided(
        pairs_of(frame).with_columns(judge_model=pl.lit("j"), votes=pl.lit([], VOTES), mean_difference=pl.lit(-3.5)),
        rules(length_tolerance=None),
    )
    split = split_of(pl.col("cluster_id"), seed=0, share=0.0)
    (row,) = (
        with_texts(votes.lazy(), frame, clusters=PROMPT_CLUSTERS.frame([]).lazy(), split=split).collect().to_dicts()
    )
    assert (row["chosen"], row["rejected"]) == ("a longer one", "short")
    assert (row["chosen_trace_id"], row["chosen_characters"], row["rejected_characters"]) == ("a01", 12, 5)
    assert (row["method"], row["score_difference"], row["split"]) == ("votes", 3.5, "train")
    assert row["license"] == "CC-BY-4.0 AND MIT", "whoever passes a pair on passes on both answers"


def cast(*scores):
    return [
        {"order": order, "first_score": float(first), "second_score": float(second), "problem": None}
        for order, (first, second) in zip(("forward", "forward", "swapped", "swapped"), scores, strict=False)
    ]


@pytest.mark.parametrize(
    ("votes", "chosen", "is_decided"),
    [
        pytest.param(cast((9, 2), (8, 2), (9, 2), (9, 3)), "first", True, id="decided"),
        pytest.param(cast((9, 2), (8, 2), (9, 2), (9, 3)), "second", False, id="the-loser-was-chosen"),
        pytest.param(cast((9, 2), (8, 2), (9, 2)), "first", False, id="a-vote-is-missing"),
        pytest.param(cast((9, 2), (9, 2), (2, 8), (2, 8)), "first", False, id="orders-disagree"),
        pytest.param(
            [vote | {"order": "forward"} for vote in cast(*[(9, 2)] * 4)], "first", False, id="one-order-only"
        ),
    ],
)
def test_kept_pairs_are_counted_anew(votes, chosen, is_decided):
    sides = ("x", "y") if chosen == "first" else ("y", "x")
    pairs = pl.LazyFrame({"pair_id": ["p"], "chosen_trace_id": [sides[0]], "rejected_trace_id": [sides[1]]})
    row = {"pair_id": "p", "first_trace_id": "x", "second_trace_id": "y", "votes": votes, "reason": None}
    table = PREFERENCE_VOTES.frame([row]).lazy()
    assert undecided_pairs(pairs, table, rules()).collect().is_empty() == is_decided
