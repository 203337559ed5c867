"""The mix keeps its proportions, its split is cut by prompt, and conversations are what trainers expect."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.datasets.sft_mix import choose_rows, conversations, domain_quotas, without_contaminated
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_datasets import SftMix
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES, SFT_MIX


@pytest.mark.parametrize(
    ("available", "rules", "expected"),
    [
        pytest.param({"math": 5, "logic": 3}, {}, {"math": 5, "logic": 3}, id="all-as-they-come"),
        pytest.param({"math": 60, "logic": 40}, {"rows": 10}, {"math": 6, "logic": 4}, id="natural-shares-limited"),
        pytest.param(
            {"math": 100, "logic": 10}, {"domain_shares": {"math": 0.5, "logic": 0.5}}, {"math": 10, "logic": 10},
            id="scarce-domain-decides",
        ),
        pytest.param(
            {"math": 100, "logic": 100, "code": 9}, {"domain_shares": {"math": 0.75, "logic": 0.25}},
            {"math": 100, "logic": 33}, id="domain-without-share-is-left-out",
        ),
        pytest.param(
            {"math": 9, "logic": 9, "code": 9},
            {"rows": 10, "domain_shares": {"math": 0.5, "logic": 0.25, "code": 0.25}},
            {"math": 5, "logic": 2, "code": 3}, id="largest-remainder-ties-by-name",
        ),
    ],
)  # fmt: skip
def test_domain_quotas_keep_the_shares(available, rules, expected):
    assert domain_quotas(available, SftMix(**rules)) == expected


def test_domain_quotas_absent_domain_is_refused():
    with pytest.raises(ReleaseError, match=r"domain_shares\.code.*Add sources"):
        domain_quotas({"math": 5}, SftMix(domain_shares={"math": 0.5, "code": 0.5}))


@given(
    st.dictionaries(st.sampled_from(["math", "code", "logic"]), st.integers(1, 300), min_size=1),
    st.none() | st.integers(1, 200),
)
def test_domain_quotas_never_exceed_what_there_is(available, rows):
    quotas = domain_quotas(available, SftMix(rows=rows))
    assert all(0 <= quotas[domain] <= count for domain, count in available.items())
    assert sum(quotas.values()) == min(sum(available.values()), rows or sum(available.values()))


def candidates(prompts=200, per_prompt=2):
    return pl.DataFrame(
        [
            {
                "trace_id": stable_hash(["trace", prompt, rank]),
                "prompt_id": stable_hash(["prompt", prompt]),
                "cluster_id": stable_hash(["prompt", prompt // 2]),
                "model": "m",
                "temperature": "0.6",
                "domain": "math",
                "rank": rank,
                "reward_total": 3.0,
                "component": "reasoning_data",
                "source": f"s{prompt % 10 // 9}",
                "completion_tokens": prompt,
                "difficulty": "hard" if prompt % 2 else "easy",
            }
            for prompt in range(prompts)
            for rank in range(1, per_prompt + 1)
        ]
    )


def test_choose_rows_takes_every_prompt_before_any_prompt_twice():
    mix = choose_rows(candidates(prompts=50), SftMix(rows=50), seed=0)
    assert mix.chosen["prompt_id"].n_unique() == 50
    assert set(mix.dropped["reason"]) == {"over_row_limit"}
    assert mix.chosen.height + mix.dropped.height == 100


def test_rows_whose_prompt_or_answer_overlaps_a_benchmark_are_left_out():
    rows = candidates(prompts=3)
    columns = dict.fromkeys(("stage", "benchmark", "benchmark_row_id", "text", "matching_text"), "x")
    columns |= {"method": "ngram", "decision": "dropped"}
    matches = BENCHMARK_MATCHES.frame(
        [
            columns | {"prompt_id": rows["prompt_id"][0], "trace_id": None},
            columns | {"prompt_id": rows["prompt_id"][2], "trace_id": rows["trace_id"][2]},
        ]
    )
    mix = without_contaminated(rows, matches)
    assert mix.chosen["trace_id"].to_list() == rows["trace_id"][3:].to_list()
    assert mix.dropped["reason"].to_list() == ["contaminated"] * 3


def test_a_selection_lets_sources_take_turns_among_the_difficulties_asked_for():
    selection = {"by": ["source"], "difficulties": ["hard"]}
    mix = choose_rows(candidates(), SftMix(rows=20, selection=selection), seed=0)
    assert dict(mix.chosen["source"].value_counts().iter_rows()) == {"s0": 10, "s1": 10}
    assert set(mix.chosen["difficulty"]) == {"hard"}
    assert set(mix.dropped["reason"]) == {"not_selected"}
    assert mix.chosen.height + mix.dropped.height == 400


def test_a_selection_by_topic_and_difficulty_lets_both_take_turns():
    topics = pl.when(pl.col("trace_id").hash() % 10 > 0).then(pl.lit("algebra")).otherwise(pl.lit("geometry"))
    mix = choose_rows(
        candidates().with_columns(topic=topics), SftMix(rows=12, selection={"by": ["topic", "difficulty"]}), seed=0
    )
    counts = mix.chosen.group_by("topic", "difficulty").len()
    assert counts.height == 4
    assert set(counts["len"]) == {3}


def test_a_selection_of_a_difficulty_that_no_row_has_is_refused():
    with pytest.raises(ReleaseError, match=r"selection\.difficulties.*'easy': 200"):
        choose_rows(candidates(), SftMix(rows=20, selection={"difficulties": ["medium"]}), seed=0)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        pytest.param({"selection": {}}, "needs `rows`", id="of-no-number"),
        pytest.param({"selection": {}, "rows": 5, "domain_shares": {"math": 1.0}}, "remove one", id="with-shares"),
        pytest.param(
            {"selection": {}, "rows": 5, "component_shares": {"reasoning_data": 1.0}}, "remove one",
            id="with-shares-of-components",
        ),
    ],
)  # fmt: skip
def test_selections_that_cannot_be(rules, message):
    with pytest.raises(ValueError, match=message):
        SftMix(**rules)


def test_choose_rows_without_candidates_says_where_to_look():
    with pytest.raises(ReleaseError, match="reasoning_data_dropped"):
        choose_rows(candidates().clear(), SftMix(), seed=0)


def test_choose_rows_keeps_each_cluster_in_one_split():
    mix = choose_rows(candidates(), SftMix(validation_share=0.3), seed=0)
    assert mix.chosen.group_by("cluster_id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert set(mix.chosen["split"]) == {"train", "validation"}


def test_conversations_wrap_reasoning_in_think_tags():
    mix = choose_rows(candidates(prompts=1, per_prompt=1), SftMix(), seed=0)
    trace = mix.chosen["trace_id"][0]
    texts = pl.DataFrame(
        {"trace_id": [trace], "reasoning": ["\n1+1=2\n"], "answer": ["\n\n\\boxed{2} "], "completion_tokens": [9]}
    )
    prompts = pl.DataFrame(
        {"prompt_id": mix.chosen["prompt_id"], "prompt": ["1+1?"], "language": "en", "source": "s", "license": "MIT"}
    )
    (rows,) = conversations(mix.chosen, [texts], prompts=prompts)
    assert rows.schema == SFT_MIX.schema
    assert rows["messages"][0].to_list() == [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "<think>\n1+1=2\n</think>\n\n\\boxed{2}"},
    ]
