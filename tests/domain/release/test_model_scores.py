"""Scores, votes and labels of models add up by model and temperature, and the page shows them where there are any."""

import polars as pl
import pytest
from example_tables import small_run

from openreason_dagster.domain.release.model_scores import ModelScores, collect_model_scores
from openreason_dagster.domain.release.report import render_report
from openreason_dagster.domain.release.report_data import collect_report_data, with_empty_tables
from openreason_dagster.domain.schemas import TABLES

HELPFUL = {"prompt_id": "p0", "reward": "helpful", "scorer": "kind", "revision": "r1", "fingerprint": "a" * 32,
           "tokens": 9, "is_truncated": False}  # fmt: skip
SCORES = [
    HELPFUL | {"trace_id": "large-0.3-0", "model": "large", "temperature": "0.3", "score": 2.0},
    HELPFUL | {"trace_id": "large-0.3-1", "model": "large", "temperature": "0.3", "score": -1.0, "is_truncated": True},
    HELPFUL | {"trace_id": "small-0.3-0", "model": "small", "temperature": "0.3", "score": 5.0},
    HELPFUL | {"trace_id": "talk", "model": "-", "temperature": "-", "score": None},
    HELPFUL | {"trace_id": "talk", "model": "-", "temperature": "-", "score": 0.5, "fingerprint": "b" * 32},
]  # fmt: skip
VOTED = {"prompt_id": "p0", "source": "sums", "domain": "math", "first_characters": 9, "second_characters": 9,
         "judge_model": "wise"}  # fmt: skip


def vote(order: str, first: float | None, second: float | None) -> dict[str, object]:
    problem = "unreadable" if first is None else None
    return {"order": order, "first_score": first, "second_score": second, "problem": problem}


PAIRS = [
    VOTED | {"pair_id": "won", "first_trace_id": "large-0.3-0", "second_trace_id": "small-0.3-0", "chosen": "first",
             "votes": [vote("forward", 9, 2), vote("swapped", 7, 4)], "mean_difference": 5.0, "margin": 4.0},
    VOTED | {"pair_id": "close", "first_trace_id": "large-1.2-0", "second_trace_id": "talk", "reason": "too_close",
             "votes": [vote("forward", 6, 5), vote("swapped", 5, 6)], "mean_difference": 0.0},
    VOTED | {"pair_id": "mumbled", "first_trace_id": "large-0.3-1", "second_trace_id": "talk", "reason": "unreadable",
             "votes": [vote("forward", 3, 4), vote("swapped", None, None)]},
    VOTED | {"pair_id": "long", "first_trace_id": "large-0.3-2", "second_trace_id": "talk", "reason": "over_long",
             "votes": [], "judge_model": None},
]  # fmt: skip
LABELLED = {"prompt_id": "p0", "split": "train", "origin": "sampled_traces", "source": "sums", "domain": "math",
            "language": "en", "license": "MIT", "prompt": "?", "answer": "5", "why": "",
            "judge_model": "wise"}  # fmt: skip
LABELS = [
    LABELLED | {"trace_id": trace_id, "label": label, "reason": "judged"}
    for trace_id, label in (("large-0.3-0", "safe"), ("large-0.3-1", "unsafe"), ("talk", "unknown"))
]
TALK = {"conversation_id": "talk", "prompt_id": "t", "source": "talks", "source_row_id": "0", "domain": "general",
        "language": "en", "license": "MIT", "turns": 2, "characters": 9, "messages": []}  # fmt: skip


def tables(**rows: list[dict[str, object]]) -> dict[str, pl.LazyFrame]:
    """The example run beside a conversation and these rows."""
    given = {"chat_sft_data": [TALK]} | rows
    blank = {name: dict.fromkeys(TABLES[name].schema) for name in given}
    return small_run() | {
        name: TABLES[name].frame(blank[name] | row for row in parts).lazy() for name, parts in given.items()
    }


def found(**rows: list[dict[str, object]]) -> ModelScores:
    return collect_model_scores(with_empty_tables(tables(**rows)))


def test_scores_of_each_reward_model_and_settings() -> None:
    assert found(model_rewards=SCORES).reward_models.rows() == [
        ("helpful", "kind", "r1", "aaaaaaaa", 4, 3, 2.0, pytest.approx(6**0.5), -1.0, 5.0, 1),
        ("helpful", "kind", "r1", "bbbbbbbb", 1, 1, 0.5, 0.0, 0.5, 0.5, 0),
    ]


def test_a_missing_score_is_none_and_not_zero() -> None:
    parts = found(model_rewards=SCORES).by_partition
    assert parts.select("settings", "model", "temperature", "responses", "scored", "mean_score").rows() == [
        ("aaaaaaaa", "-", "-", 1, 0, None),
        ("aaaaaaaa", "large", "0.3", 2, 2, 0.5),
        ("aaaaaaaa", "small", "0.3", 1, 1, 5.0),
        ("bbbbbbbb", "-", "-", 1, 1, 0.5),
    ]


def test_judges_by_pairs_and_by_the_order_of_the_answers() -> None:
    leads = [7, -3, 1, 1, -1]
    assert found(preference_votes=PAIRS).judges.rows() == [("wise", 3, 2, 1, 2.5, sum(leads) / len(leads))]


def test_votes_by_whose_answer_it_is() -> None:
    assert found(preference_votes=PAIRS).votes.rows() == [
        ("-", "-", 2, 5.0, 0, 0, 2),
        ("large", "0.3", 2, (9 + 7 + 3) / 3, 1, 0, 1),
        ("large", "1.2", 1, 5.5, 0, 0, 1),
        ("small", "0.3", 1, 3.0, 0, 1, 0),
    ]


def test_labels_by_whose_response_it_is() -> None:
    assert found(safety_set=LABELS).labels.rows() == [
        ("wise", "-", "-", 1, 0, 0, 1),
        ("wise", "large", "0.3", 2, 1, 1, 0),
    ]


@pytest.mark.parametrize(
    ("rows", "shown", "hidden"),
    [
        pytest.param({}, [], ["Scores of models"], id="nothing"),
        pytest.param({"preference_votes": PAIRS[3:]}, [], ["Scores of models"], id="nobody-was-asked"),
        pytest.param({"model_rewards": SCORES}, ["Reward models", "aaaaaaaa"], ["Safety labels"], id="rewards"),
        pytest.param({"preference_votes": PAIRS}, ["Votes on pairs"], ["Reward models<"], id="votes"),
        pytest.param({"safety_set": LABELS}, ["Safety labels"], ["Votes on pairs"], id="labels"),
    ],
)
def test_page_shows_what_there_is(
    rows: dict[str, list[dict[str, object]]], shown: list[str], hidden: list[str]
) -> None:
    page = render_report(collect_report_data(tables(**rows), title="Sums", description=""))
    assert [text for text in shown if text not in page] == []
    assert [text for text in hidden if text in page] == []
    assert ('href="#scores"' in page) == bool(shown)
