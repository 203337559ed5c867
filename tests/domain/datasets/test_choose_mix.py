"""Rows of every component that overlap a benchmark stay out of the mix, before shares are cut."""

import polars as pl
import pytest
from test_components import frame, tables, turns

from openreason_dagster.domain.datasets.choose_mix import choose_mix
from openreason_dagster.domain.datasets.components import component_rows
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES

RUN = "one two three four five six seven eight nine ten"
HEX = "0" * 32


def recipe(**changes):
    fields = {
        "name": "r", "title": "R", "seed": 1, "models": ["m"], "temperatures": [0.6],
        "sampling": {"samples_per_prompt": 1, "max_tokens": 9},
        "sources": [
            {"name": "s", "kind": "procedural", "task": "starter/addition", "count": 1, "seed": 0, "license": "MIT"}
        ],
        "release": {"license": "MIT"},
    }  # fmt: skip
    return Recipe.model_validate(fields | changes)


def prepared(*conversations, **changes):
    """The components of `test_components` with prompts that have clusters, and one benchmark question."""
    rows = [
        {"trace_id": f"c{n}", "prompt_id": f"{n:032x}", "domain": "general", "messages": messages}
        for n, messages in enumerate(conversations, 1)
    ]
    question = {"benchmark": "b", "benchmark_row_id": "0", "prompt": f"Count {RUN}", "solution": None}
    clusters = frame("prompt_clusters", {"prompt_id": "p1", "cluster_id": HEX})
    found = tables(rows) | {"prompt_clusters": clusters, "benchmark_prompts": frame("benchmark_prompts", question)}
    return found | {name: part(found[name]) for name, part in changes.items()}


def answering(text):
    return lambda rows: rows.with_columns(answer=pl.lit(text))


def chosen(found, **changes):
    return choose_mix(component_rows(found).collect(), found, recipe(**changes))


@pytest.mark.parametrize(
    ("found", "left_out"),
    [
        pytest.param(prepared(turns("Hi", "Hello")), [], id="nothing"),
        pytest.param(prepared(turns(f"Count {RUN}", "ok")), ["c1"], id="question-of-a-conversation"),
        pytest.param(prepared(turns("Hi", "Hello", "More", f"So {RUN}")), ["c1"], id="later-answer-of-a-conversation"),
        pytest.param(prepared(turns("Hi", f"<think>{RUN}</think>Hello")), [], id="what-is-thought-is-not-compared"),
        pytest.param(prepared(sampled_traces=answering(RUN)), ["t1"], id="answer-of-a-trace"),
        pytest.param(prepared(cold_start_data=answering(RUN)), ["w1"], id="answer-that-was-written"),
        pytest.param(
            prepared(turns("Hi", "Hello"), prompt_pool=lambda rows: rows.with_columns(prompt=pl.lit(RUN))),
            ["t1", "w1"], id="prompt-of-the-pool",
        ),
    ],
)  # fmt: skip
def test_what_overlaps_a_benchmark_is_left_out(found, left_out):
    mix = chosen(found)
    assert mix.dropped.select("trace_id", "reason").rows() == [(name, "contaminated") for name in left_out]
    assert sorted([*mix.chosen["trace_id"], *left_out]) == sorted(component_rows(found).collect()["trace_id"])
    assert (mix.matches.height > 0) == bool(left_out)


@pytest.mark.parametrize(("policy", "left_out"), [("mark", []), ("drop", ["c1"])])
def test_a_reworded_benchmark_question_is_reported_and_left_out_where_asked_for(policy, left_out):
    question = "Tom has 12 red and 30 blue marbles and loses 7. How many marbles has Tom?"
    asked = frame(
        "benchmark_prompts", {"benchmark": "b", "benchmark_row_id": "0", "prompt": question, "solution": None}
    )
    reworded = turns("Of his 12 red and 30 blue marbles Tom loses 7, how many marbles has he?", "35")
    found = prepared(reworded, turns("Hi", "Hello")) | {"benchmark_prompts": asked}
    mix = chosen(found, pool={"near_benchmarks": {"policy": policy}})
    assert mix.matches.select("stage", "method", "text").rows() == [("sft_mix", "near", reworded[0]["content"])]
    assert mix.dropped.select("trace_id", "reason").rows() == [(name, "near_benchmark") for name in left_out]
    assert ("c1" in mix.chosen["trace_id"]) == (policy == "mark")


def test_shares_are_those_of_what_is_clean():
    found = prepared(turns(f"Count {RUN}", "ok"), turns("Hi", "Hello"), turns("Bye", "See you"))
    mix = chosen(found, sft_mix={"component_shares": {"reasoning_data": 0.5, "non_reasoning_data": 0.5}})
    assert dict(mix.chosen["component"].value_counts().iter_rows()) == {"reasoning_data": 1, "non_reasoning_data": 1}
    assert sorted(mix.dropped["reason"]) == ["contaminated", "over_component_share", "over_component_share"]


def empty(rows):
    return rows.head(0)


def test_only_a_recipe_without_models_has_an_empty_mix():
    found = prepared(reasoning_data=empty, cold_start_data=empty)
    assert chosen(found, models=[]).chosen.is_empty()
    with pytest.raises(ReleaseError, match="no row can enter the mix"):
        chosen(found)


def written_as_it_was(rows):
    return rows.with_columns(reasoning=pl.lit("R"), answer=pl.lit("A"))


@pytest.mark.parametrize(
    ("found", "left_out"),
    [
        pytest.param(prepared(), [], id="nothing"),
        pytest.param(
            prepared(sampled_traces=written_as_it_was, cold_start_data=written_as_it_was), ["t1"],
            id="a-writer-that-changed-nothing",
        ),
        pytest.param(prepared(turns("Hi", "Hello"), turns("Hi", "Hello")), ["c2"], id="one-conversation-twice"),
        pytest.param(prepared(turns("Hi", "Hello"), turns("Hi", "Hello", "Bye", "So long")), [], id="one-goes-on"),
        pytest.param(prepared(turns("Hi", "Hello"), turns("Hey", "Hello")), [], id="the-same-answer-to-another-prompt"),
    ],
)  # fmt: skip
def test_what_is_there_twice_is_taken_once(found, left_out):
    mix = chosen(found)
    assert mix.dropped.select("trace_id", "reason").rows() == [(name, "duplicate") for name in left_out]
    assert sorted([*mix.chosen["trace_id"], *left_out]) == sorted(component_rows(found).collect()["trace_id"])


def test_of_equal_rows_the_one_stays_whose_component_is_wanted():
    found = prepared(sampled_traces=written_as_it_was, cold_start_data=written_as_it_was)
    mix = chosen(found, sft_mix={"component_shares": {"reasoning_data": 1, "cold_start_data": 0}})
    assert mix.chosen["trace_id"].to_list() == ["t1"]


def test_another_may_compare_the_answers_of_a_component():
    found = prepared(sampled_traces=answering(RUN), cold_start_data=answering(RUN))
    asked = []

    def comparer(candidates, benchmarks):
        text = pl.DataFrame({"prompt_id": "x", "prompt": f"So {RUN}", "solution": ""})
        asked.append((candidates["trace_id"].to_list(), benchmarks.overlaps(text)["benchmark"].to_list()))
        return BENCHMARK_MATCHES.frame([])

    rows = component_rows(found).collect()
    mix = choose_mix(rows, found, recipe(), comparers={"reasoning_data": comparer})
    assert asked == [(["t1"], ["b"])]
    assert mix.dropped["trace_id"].to_list() == ["w1"]
