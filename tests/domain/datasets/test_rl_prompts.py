"""RL prompts are those a policy can learn from, and every other prompt of the pool has its reason."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from openreason_dagster.domain.curation.splits import split_of
from openreason_dagster.domain.datasets.rl_prompts import prompt_outcomes, select_rl_prompts, with_texts
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_rl_prompts import RlPrompts
from openreason_dagster.domain.schemas import PROMPT_POOL, RL_PROMPTS, RL_PROMPTS_DROPPED

TRACES = pl.Schema({
    "prompt_id": pl.String(), "model": pl.String(), "verdict": pl.String(), "is_correct": pl.Boolean(),
    "extracted_answer": pl.String(),
})  # fmt: skip


def traces(prompt, right, wrong, *, unknown=0, model="m"):
    """`right` correct traces, one incorrect one per answer in `wrong`, and some that could not be judged."""
    judged = [(prompt, model, "correct", True, "5")] * right
    judged += [(prompt, model, "incorrect", False, answer) for answer in wrong]
    return judged + [(prompt, model, "timeout", None, None)] * unknown


def outcome_of(*rows, policy_model=None, prompts=("p",)):
    pool = pl.LazyFrame({"prompt_id": prompts, "domain": "math", "source": "sums", "topic": None})
    frame = pl.LazyFrame([row for part in rows for row in part], schema=TRACES, orient="row")
    return prompt_outcomes(pool, frame, policy_model=policy_model).collect()


def reasons(outcomes, **rules):
    selection = select_rl_prompts(outcomes, RlPrompts(**rules))
    return dict(selection.dropped.select("prompt_id", "reason").iter_rows())


@pytest.mark.parametrize(
    ("right", "wrong", "unknown", "rules", "reason"),
    [
        pytest.param(2, "12", 0, {}, None, id="in-the-band"),
        pytest.param(0, "1234", 0, {}, "too_hard", id="never-solved"),
        pytest.param(4, "", 0, {}, "too_easy", id="always-solved"),
        pytest.param(1, "123", 0, {"pass_rate": (0.25, 0.5)}, None, id="lower-end-belongs-to-the-band"),
        pytest.param(2, "12", 0, {"pass_rate": (0.25, 0.5)}, None, id="upper-end-belongs-to-the-band"),
        pytest.param(0, "", 4, {}, "unknown_pass_rate", id="not-judged-is-not-wrong"),
        pytest.param(2, "12", 60, {}, None, id="unjudged-do-not-lower-the-rate"),
        pytest.param(1, "2", 0, {"minimum_judged": 3}, "unknown_pass_rate", id="too-few-judged"),
        pytest.param(0, "", 0, {"unknown_rate": "keep"}, None, id="unknown-kept"),
        pytest.param(1, "888", 0, {}, "majority_disagrees", id="wrong-answers-agree"),
        pytest.param(1, "678", 0, {}, None, id="hard-but-wrong-answers-differ"),
        pytest.param(2, "88", 0, {}, None, id="half-is-no-majority"),
        pytest.param(1, "88", 0, {}, None, id="too-few-to-doubt-a-reference"),
        pytest.param(1, "888", 0, {"disagreement_share": None}, None, id="doubt-switched-off"),
        pytest.param(0, "8888", 0, {}, "majority_disagrees", id="doubt-is-named-before-hardness"),
    ],
)  # fmt: skip
def test_first_reason(right, wrong, unknown, rules, reason):
    assert reasons(outcome_of(traces("p", right, wrong, unknown=unknown)), **rules).get("p") == reason


def test_prompt_without_traces_is_unknown():
    outcome = outcome_of()
    assert outcome.row(0, named=True) == {
        "prompt_id": "p", "domain": "math", "topic": "sums", "samples": 0, "judged": 0, "correct": 0, "same_wrong": 0,
        "pass_rate": None, "difficulty_band": "unknown",
    }  # fmt: skip
    assert reasons(outcome) == {"p": "unknown_pass_rate"}


def test_only_the_policy_counts_where_one_is_named():
    both = traces("p", 4, "", model="strong"), traces("p", 1, "123", model="weak")
    assert outcome_of(*both)["pass_rate"].to_list() == [5 / 8]
    assert outcome_of(*both, policy_model="weak")["pass_rate"].to_list() == [1 / 4]


def test_too_few_judged_have_no_pass_rate_in_the_kept_rows():
    kept = select_rl_prompts(outcome_of(traces("p", 1, "")), RlPrompts(minimum_judged=2, unknown_rate="keep")).kept
    assert kept.select("pass_rate", "difficulty_band", "judged").row(0) == (None, "unknown", 1)


def test_prompts_whose_reference_is_doubted_are_left_out_before_all_else():
    rows = outcome_of(traces("p", 2, "12"), traces("q", 2, "12"), prompts=("p", "q", "r"))
    selection = select_rl_prompts(rows, RlPrompts(), doubted=["q", "r"])
    assert selection.kept["prompt_id"].to_list() == ["p"]
    assert selection.dropped.select("prompt_id", "reason").rows() == [
        ("q", "suspect_reference"), ("r", "suspect_reference"),
    ]  # fmt: skip


def outcomes(*rows):
    """Outcomes of prompts given as domain and pass rate of 100 judged samples; their topics are `odd` and `even`."""
    frame = pl.DataFrame(
        [
            (stable_hash([number]), domain, 100, 100 if rate is not None else 0, round(100 * (rate or 0)), 0, rate)
            for number, (domain, rate) in enumerate(rows)
        ],
        schema={
            "prompt_id": pl.String(), "domain": pl.String(), "samples": pl.Int64(), "judged": pl.Int64(),
            "correct": pl.Int64(), "same_wrong": pl.Int64(), "pass_rate": pl.Float64(),
        },
        orient="row",
    )  # fmt: skip
    topic = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("even")).otherwise(pl.lit("odd"))
    return frame.with_columns(topic=topic, difficulty_band=pl.lit("medium"))


def test_quota_keeps_the_prompts_whose_samples_differ_most():
    rows = outcomes(("math", 0.9), ("math", 0.5), ("math", 0.4), ("math", None), ("code", 0.1))
    selection = select_rl_prompts(rows, RlPrompts(domain_quotas={"math": 2}, unknown_rate="keep"))
    kept = selection.kept.sort("pass_rate").select("domain", "pass_rate").rows()
    assert kept == [("code", 0.1), ("math", 0.4), ("math", 0.5)]
    assert set(selection.dropped["reason"]) == {"over_domain_quota"}


def test_quota_of_zero_leaves_a_domain_out():
    selection = select_rl_prompts(outcomes(("math", 0.5), ("code", 0.5)), RlPrompts(domain_quotas={"code": 0}))
    assert selection.kept["domain"].to_list() == ["math"]


def test_quota_of_a_topic_comes_before_that_of_its_domain():
    rates = (0.5, 0.4, 0.52, 0.3, 0.54, 0.2, 0.56, None)
    rows = outcomes(*[("math", rate) for rate in rates], ("code", 0.1))
    rules = RlPrompts(topic_quota=2, domain_quotas={"math": 3}, unknown_rate="keep")
    selection = select_rl_prompts(rows, rules)
    kept = selection.kept.sort("domain", "pass_rate").select("domain", "pass_rate").rows()
    assert kept == [("code", 0.1), ("math", 0.4), ("math", 0.5), ("math", 0.52)]
    assert dict(selection.dropped["reason"].value_counts().iter_rows()) == {
        "over_topic_quota": 4, "over_domain_quota": 1,
    }  # fmt: skip


def test_row_limit_takes_from_each_domain_in_proportion():
    rows = outcomes(*[("math", 0.5)] * 60, *[("code", 0.1)] * 30)
    selection = select_rl_prompts(rows, RlPrompts(rows=30))
    assert dict(selection.kept["domain"].value_counts().iter_rows()) == {"math": 20, "code": 10}
    assert set(selection.dropped["reason"]) == {"over_row_limit"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["math", "code"]), st.none() | st.floats(0, 1)), min_size=1, max_size=40
    ),
    st.none() | st.integers(1, 20),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(1, 5),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_kept_and_dropped_are_every_prompt_once_in_any_order(rows, limit, quota, topic_quota, random):
    frame = outcomes(*rows)
    domain_quotas = None if quota is None else {"math": quota}
    rules = RlPrompts(rows=limit, domain_quotas=domain_quotas, topic_quota=topic_quota)
    selection = select_rl_prompts(frame, rules)
    assert sorted([*selection.kept["prompt_id"], *selection.dropped["prompt_id"]]) == sorted(frame["prompt_id"])
    assert selection.kept.height <= (limit or frame.height)
    assert selection.dropped.schema == RL_PROMPTS_DROPPED.schema
    order = random.sample(range(frame.height), frame.height)
    again = select_rl_prompts(frame[order], rules)
    assert again.kept.equals(selection.kept)
    assert again.dropped.equals(selection.dropped)


def test_rows_have_the_schema_and_the_split_of_the_prompt():
    rows = outcomes(*[("math", 0.5)] * 20)
    pool = PROMPT_POOL.frame(
        {
            "prompt_id": name, "source": "s", "source_row_id": "0", "domain": "math", "language": "en",
            "prompt": f"What is {name}?", "reference_answer": None, "solution": None, "verifier": "instruction",
            "verifier_spec": "{}", "license": "MIT",
        }
        for name in rows["prompt_id"]
    ).lazy()  # fmt: skip
    kept = select_rl_prompts(rows, RlPrompts()).kept
    split = split_of(pl.col("prompt_id"), seed=3, share=0.5)
    found = with_texts(kept.lazy(), pool, split=split).collect()
    assert found.schema == RL_PROMPTS.schema
    assert found.height == 20
    assert found["split"].to_list() == found.select(split.alias("split"))["split"].to_list()
    assert set(found["split"]) == {"train", "validation"}


@pytest.mark.parametrize(
    ("values", "fragment"),
    [
        pytest.param({"pass_rate": [0.9, 0.1]}, "lower end comes first", id="band-upside-down"),
        pytest.param({"pass_rate": [0.1, 1.1]}, "less than or equal to 1", id="beyond-one"),
        pytest.param({"domain_quotas": {"math": -1}}, "must be 0 or more", id="negative-quota"),
        pytest.param({"domain_quotas": {"cooking": 1}}, "Input should be", id="unknown-domain"),
    ],
)
def test_impossible_rules_are_refused(values, fragment):
    with pytest.raises(ValidationError, match=fragment):
        RlPrompts(**values)
