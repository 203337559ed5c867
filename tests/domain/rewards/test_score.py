"""Accuracy, format, total, and the scored table."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.recipe import RewardWeights
from openreason_dagster.domain.records import ThinkState
from openreason_dagster.domain.rewards.registry import REWARDS
from openreason_dagster.domain.rewards.score import score_batch
from openreason_dagster.domain.schemas import SCORED_TRACES

ROW: dict[str, object] = {
    "trace_id": "t",
    "prompt_id": "p",
    "model": "starter",
    "temperature": "0.6",
    "reasoning": "we add two and three",
    "answer": "5",
    "think_state": "opened_by_template",
    "language": "en",
    "is_correct": True,
}
SCHEMA = {name: pl.Boolean if name == "is_correct" else pl.String for name in ROW}


def score(*changes: dict[str, object], weights: RewardWeights | None = None) -> pl.DataFrame:
    rows = pl.DataFrame([ROW | change for change in changes], schema=SCHEMA, orient="row")
    return score_batch(rows, weights or RewardWeights())


@pytest.mark.parametrize(("is_correct", "expected"), [(True, 1.0), (False, 0.0), (None, None)])
def test_accuracy_is_null_when_not_judged(is_correct: bool | None, expected: float | None) -> None:
    assert score({"is_correct": is_correct})["reward_accuracy"].item() == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, 1.0, id="block opened by the template"),
        pytest.param({"think_state": "opened_by_model"}, 1.0, id="block opened by the model"),
        pytest.param({"think_state": "separate"}, 1.0, id="two fields"),
        pytest.param({"think_state": "unclosed", "answer": ""}, 0.0, id="never closed"),
        pytest.param({"think_state": "absent", "reasoning": ""}, 0.0, id="no block"),
        pytest.param({"reasoning": " \n"}, 0.0, id="empty reasoning"),
        pytest.param({"answer": "\n"}, 0.0, id="no answer"),
        pytest.param({"answer": "5 <think>again</think> 6"}, 0.0, id="second block in the answer"),
        pytest.param({"reasoning": "one</think>two"}, 0.0, id="closed twice"),
        pytest.param({"reasoning": "<THINK>one"}, 0.0, id="opened twice"),
    ],
)
def test_format(change: dict[str, object], expected: float) -> None:
    assert score(change)["reward_format"].item() == expected


@pytest.mark.parametrize("state", ThinkState)
def test_format_knows_every_think_state(state: ThinkState) -> None:
    expected = 0.0 if state in (ThinkState.UNCLOSED, ThinkState.ABSENT) else 1.0
    assert score({"think_state": state.value})["reward_format"].item() == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, 1 + 0.5 + 2.0, id="all good"),
        pytest.param({"is_correct": False}, 0.5 + 2.0, id="incorrect"),
        pytest.param({"is_correct": None}, None, id="unknown is not wrong"),
        pytest.param({"reasoning": "2+3=5"}, 1 + 0.5 + 2.0, id="no words break no rule"),
        pytest.param({"reasoning": "我们把二和三相加"}, 1 + 0.5, id="wrong language"),
    ],
)
def test_total_is_the_weighted_sum(change: dict[str, object], expected: float | None) -> None:
    weights = RewardWeights(accuracy=1.0, format=0.5, language_consistency=2.0)
    assert score(change, weights=weights)["reward_total"].item() == expected


def test_scored_rows_have_the_table_schema() -> None:
    assert score({}, {"reasoning": "", "is_correct": None}).schema == SCORED_TRACES.schema
    assert score().schema == SCORED_TRACES.schema


def test_every_weight_has_a_reward_and_a_column() -> None:
    assert set(REWARDS) == set(RewardWeights.model_fields)
    assert {f"reward_{name}" for name in REWARDS} < set(SCORED_TRACES.schema)


CHANGES = st.fixed_dictionaries(
    {
        "reasoning": st.text(max_size=30),
        "answer": st.text(max_size=5),
        "think_state": st.sampled_from([state.value for state in ThinkState]),
        "is_correct": st.sampled_from([True, False, None]),
    }
)


@settings(deadline=None)  # the first text loads the language models
@given(st.lists(CHANGES, max_size=6))
def test_rewards_are_bounded_and_do_not_depend_on_other_rows(changes: list[dict[str, object]]) -> None:
    together = score(*changes)
    for index, change in enumerate(changes):
        assert together[index].equals(score(change))
    assert together["reward_total"].drop_nulls().is_between(0, 3).all()
