"""Rejection sampling keeps the right traces, names the first reason for the rest, and favours no model."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.datasets.reasoning_data import select_reasoning_data
from openreason_dagster.domain.recipe_datasets import ReasoningData

SCHEMA = {
    "trace_id": pl.String,
    "prompt_id": pl.String,
    "model": pl.String,
    "temperature": pl.String,
    "finish_reason": pl.String,
    "completion_tokens": pl.Int64,
    "text_hash": pl.UInt64,
    "domain": pl.String,
    "has_suspect_reference": pl.Boolean,
    "verdict": pl.String,
    "reward_format": pl.Float64,
    "reward_language_consistency": pl.Float64,
    "reward_total": pl.Float64,
    "paragraph_characters": pl.Int64,
    "has_code": pl.Boolean,
}
GOOD = {
    "prompt_id": "p",
    "model": "m",
    "temperature": "0.6",
    "finish_reason": "stop",
    "completion_tokens": 50,
    "domain": "math",
    "has_suspect_reference": False,
    "verdict": "correct",
    "reward_format": 1.0,
    "reward_language_consistency": 1.0,
    "reward_total": 3.0,
}


def frame(*rows):
    return pl.DataFrame(
        [GOOD | {"trace_id": f"t{number}", "text_hash": number} | row for number, row in enumerate(rows)], schema=SCHEMA
    )


def reasons(selection):
    return dict(selection.dropped.select("trace_id", "reason").iter_rows())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"verdict": "incorrect"}, "not_correct", id="wrong"),
        pytest.param({"verdict": "timeout"}, "not_correct", id="not-judged"),
        pytest.param({"verdict": None}, "not_correct", id="no-verdict-yet"),
        pytest.param({"finish_reason": "length"}, "truncated", id="cut-though-correct"),
        pytest.param({"verdict": "truncated"}, "truncated", id="verdict-truncated"),
        pytest.param({"has_suspect_reference": True}, "suspect_reference", id="reference-dropped"),
        pytest.param(
            {"has_suspect_reference": True, "finish_reason": "length"}, "suspect_reference", id="dropped-though-cut"
        ),
        pytest.param({"reward_format": 0.0}, "bad_format", id="no-think-block"),
        pytest.param({"reward_format": None}, "bad_format", id="not-scored"),
        pytest.param({"reward_language_consistency": 0.5}, "mixed_language", id="mixed"),
        pytest.param({"completion_tokens": 101}, "over_long", id="long"),
        pytest.param({"has_code": True}, "code_in_reasoning", id="code"),
        pytest.param({"paragraph_characters": 51}, "long_paragraph", id="paragraph"),
    ],
)
def test_filter_names_the_reason(change, reason):
    rules = ReasoningData(maximum_completion_tokens=100, maximum_paragraph_characters=50)
    selection = select_reasoning_data(frame(change, {}), rules)
    assert reasons(selection) == {"t0": reason}
    assert selection.kept["trace_id"].to_list() == ["t1"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"reward_language_consistency": None}, id="no-words-to-judge"),
        pytest.param({"reward_language_consistency": 0.8}, id="exactly-at-the-limit"),
        pytest.param({"completion_tokens": None}, id="imported-without-tokens"),
        pytest.param({"finish_reason": None}, id="imported-without-finish-reason"),
        pytest.param({"completion_tokens": 100}, id="exactly-as-long-as-allowed"),
    ],
)
def test_filter_keeps_what_is_not_known_to_be_bad(change):
    selection = select_reasoning_data(frame(change), ReasoningData(maximum_completion_tokens=100))
    assert selection.kept.height == 1


def test_limit_takes_best_reward_first_then_turns_between_models():
    rows = [{"model": model, "reward_total": 3.0} for model in ["a"] * 5 + ["b"] * 2]
    selection = select_reasoning_data(
        frame({"model": "c", "reward_total": 9.0}, *rows), ReasoningData(traces_per_prompt=5)
    )
    assert selection.kept["model"].to_list()[0] == "c"
    assert sorted(selection.kept["model"].to_list()) == ["a", "a", "b", "b", "c"]
    assert set(reasons(selection).values()) == {"over_prompt_limit"}


def test_identical_completions_are_kept_once():
    selection = select_reasoning_data(frame({"text_hash": 7}, {"text_hash": 7}, {"text_hash": 8}), ReasoningData())
    assert selection.kept.height == 2
    assert list(reasons(selection).values()) == ["duplicate_trace"]


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "prompt_id": st.sampled_from("pqr"),
            "model": st.sampled_from("ab"),
            "verdict": st.sampled_from(["correct", "incorrect", "truncated", None]),
            "reward_total": st.sampled_from([None, 1.0, 2.0]),
            "text_hash": st.integers(0, 4),
        }
    ),
    max_size=25,
)


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        pytest.param("correct", {}, id="right"),
        pytest.param("incorrect", {}, id="wrong"),
        pytest.param("timeout", {"t0": "not_judged"}, id="not-judged"),
        pytest.param(None, {"t0": "not_judged"}, id="no-verdict-yet"),
        pytest.param("truncated", {"t0": "truncated"}, id="cut"),
    ],
)
def test_recipe_can_keep_wrong_answers_but_not_unknown_ones(verdict, found):
    assert reasons(select_reasoning_data(frame({"verdict": verdict}), ReasoningData(answers="judged"))) == found


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        *(pytest.param(name, {}, id=name) for name in ("correct", "incorrect", "no_answer", "timeout", "abstained")),
        pytest.param(None, {"t0": "not_judged"}, id="no-verdict-yet"),
        pytest.param("truncated", {"t0": "truncated"}, id="cut"),
    ],
)
def test_recipe_can_do_without_a_filter_of_answers(verdict, found):
    rows = frame({"verdict": verdict, "reward_total": None})
    assert reasons(select_reasoning_data(rows, ReasoningData(answers="any"))) == found


def test_what_was_judged_comes_before_what_was_not():
    rows = frame({"verdict": "abstained", "reward_total": None}, {"verdict": "incorrect", "reward_total": 1.0})
    selection = select_reasoning_data(rows, ReasoningData(answers="any", traces_per_prompt=1))
    assert selection.kept["trace_id"].to_list() == ["t1"]


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 3))
def test_every_trace_ends_in_exactly_one_table_whatever_the_order(rows, random, limit):
    rows = [row | {"reward_total": row["reward_total"] or 1.0} if row["verdict"] == "correct" else row for row in rows]
    candidates = frame(*rows)
    rules = ReasoningData(traces_per_prompt=limit)
    selection = select_reasoning_data(candidates, rules)
    ids = selection.kept["trace_id"].to_list() + selection.dropped["trace_id"].to_list()
    assert sorted(ids) == sorted(candidates["trace_id"])
    assert selection.kept.group_by("prompt_id").len().filter(pl.col("len") > limit).is_empty()
    order = list(range(candidates.height))
    random.shuffle(order)
    again = select_reasoning_data(candidates[order], rules)
    assert again.kept.equals(selection.kept)
    assert again.dropped.equals(selection.dropped)
