"""Candidates of cold-start data: the first reason counts, domains take turns, and no order decides."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.recipe_cold_start import ColdStart
from openreason_dagster.domain.writing.cold_start_candidates import choose_candidates, measured

GOOD = {
    "model": "m", "temperature": "1.0", "domain": "math", "reward_format": 1.0, "reward_language_consistency": 1.0,
    "reward_total": 3.0, "reasoning": "I add one and one and get two",
}  # fmt: skip
SCHEMA = {
    **dict.fromkeys(("trace_id", "prompt_id", "model", "temperature", "domain", "reasoning"), pl.String),
    **dict.fromkeys(("reward_format", "reward_language_consistency", "reward_total"), pl.Float64),
}
LOOP = "and then I look at the first line of it again " * 6


def rows(*changes):
    return measured(
        [pl.DataFrame([GOOD | {"trace_id": f"t{n}", "prompt_id": f"p{n}"} | row for n, row in enumerate(changes)],
                      schema=SCHEMA)]
    )  # fmt: skip


def rules(**changes):
    return ColdStart(**({"writer": {"model": "scribe"}} | changes))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"reward_format": 0.0}, "bad_format", id="no-think-block"),
        pytest.param({"reward_format": None}, "bad_format", id="not-scored"),
        pytest.param({"reward_language_consistency": 0.5}, "mixed_language", id="mixed"),
        pytest.param({"reasoning": LOOP}, "repetitive", id="loop"),
        pytest.param({"reward_language_consistency": 0.5, "reasoning": LOOP}, "mixed_language", id="first-of-two"),
    ],
)
def test_filters_name_the_reason(change, reason):
    chosen = choose_candidates(rows(change, {}), rules())
    assert chosen.dropped.select("trace_id", "reason").rows() == [("t0", reason)]
    assert chosen.dropped["detail"][0]
    assert chosen.kept["trace_id"].to_list() == ["t1"]


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        pytest.param({"reward_language_consistency": None}, {}, id="no-words-to-judge"),
        pytest.param({"reward_language_consistency": 0.1}, {"minimum_language_consistency": None}, id="language-off"),
        pytest.param({"reasoning": LOOP}, {"maximum_repeated_share": None}, id="repetition-off"),
    ],
)
def test_filters_keep_what_is_not_known_to_be_bad(change, settings):
    assert choose_candidates(rows(change), rules(**settings)).dropped.is_empty()


def test_the_best_trace_of_a_prompt_and_prompts_of_domains_in_turn():
    chosen = choose_candidates(
        rows(
            {"prompt_id": "a", "reward_total": 2.0}, {"prompt_id": "a"}, {"prompt_id": "b"}, {"prompt_id": "c"},
            {"prompt_id": "z", "domain": "logic"},
        ),
        rules(prompts=2),
    )  # fmt: skip
    assert chosen.kept["trace_id"].to_list() == ["t1", "t4"]
    assert dict(chosen.dropped.select("trace_id", "reason").iter_rows()) == {
        "t0": "over_prompt_limit", "t2": "over_row_limit", "t3": "over_row_limit",
    }  # fmt: skip


def test_no_candidates_no_rows():
    chosen = choose_candidates(measured([]), rules())
    assert chosen.kept.is_empty()
    assert chosen.dropped.is_empty()


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "prompt_id": st.sampled_from("abcd"), "domain": st.just("math"),
                "reward_total": st.sampled_from([None, 1.0, 2.0]), "reward_format": st.sampled_from([0.0, 1.0]),
            }
        ),
        max_size=20,
    ),
    st.randoms(use_true_random=False), st.integers(1, 3), st.none() | st.integers(1, 3),
)  # fmt: skip
def test_every_candidate_ends_in_exactly_one_table_whatever_the_order(changes, random, per_prompt, prompts):
    settings = rules(traces_per_prompt=per_prompt, prompts=prompts)
    found = rows(*changes)
    chosen = choose_candidates(found, settings)
    assert sorted([*chosen.kept["trace_id"], *chosen.dropped["trace_id"]]) == sorted(found["trace_id"])
    order = list(range(found.height))
    random.shuffle(order)
    again = choose_candidates(found[order], settings)
    assert again.kept.equals(chosen.kept)
    assert again.dropped.equals(chosen.dropped)
