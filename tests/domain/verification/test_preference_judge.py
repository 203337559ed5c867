"""Votes on two answers: a reply that is no vote never counts, and the order of the answers decides nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.verification.judge_texts import judge_template, mark_of
from openreason_dagster.domain.verification.preference_judge import (
    Ballot,
    Contest,
    Vote,
    ballots,
    election,
    question,
    read_vote,
)

TEMPLATE = judge_template("prefer", key="judge.template", recipe_folder=Path())

CONTEST = Contest(request="Say hello.", first="Hello!", second="Go away.")
FORWARD, SWAPPED = Ballot(order="forward", number=1), Ballot(order="swapped", number=1)
MARK = mark_of(CONTEST.subject_id, FORWARD.part)


def line(a, b, mark=MARK):
    return json.dumps({"id": mark, "answer_A": a, "answer_B": b})


def vote(text, ballot=FORWARD, **changes):
    return read_vote(CONTEST, ballot, Reply(text=text, **changes))


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        pytest.param(line(9, 2), (9, 2), id="bare"),
        pytest.param(f"The first greets.\n{line(9, 2)}\n", (9, 2), id="after-words"),
        pytest.param(f"```json\n{line(8.5, 1)}\n```", (8.5, 1), id="fenced-and-halves"),
        pytest.param(f"{line(9, 2)}\nSo:\n{line(9, 2)}", (9, 2), id="twice-the-same"),
        pytest.param(f"A {{id: x}} and {line(3, 3, 'feedfeedfeed')}\n{line(9, 2)}", (9, 2), id="other-objects-before"),
    ],
)
def test_vote_is_read(text, scores):
    found = vote(text)
    assert (found.first_score, found.second_score, found.problem) == (*scores, None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="blank"),
        pytest.param("9 to 2", id="no-object"),
        pytest.param(line(9, 2, "feedfeedfeed"), id="mark-of-somebody-else"),
        pytest.param(f"{line(9, 2)} I think.", id="words-after"),
        pytest.param(f"{line(2, 9)}\nNo:\n{line(9, 2)}", id="two-different-votes"),
        pytest.param(json.dumps({"id": MARK, "answer_A": 9}), id="one-score"),
        pytest.param(line(0, 5), id="below-the-scale"),
        pytest.param(line(11, 5), id="above-the-scale"),
        pytest.param(line(True, 5), id="a-truth-value"),
        pytest.param(line("9", 5), id="a-text"),
        pytest.param(line(None, 5), id="null"),
        pytest.param(f'{{"id": "{MARK}", "answer_A": NaN, "answer_B": 5}}', id="not-a-number"),
        pytest.param(f'{{"id": "{MARK}", "answer_A": 1e999, "answer_B": 5}}', id="infinite"),
        pytest.param(f'[{{"id": "{MARK}", "answer_A": 9, "answer_B": 2}}]', id="in-a-list"),
        pytest.param('{"id": ' * 2_000 + "}", id="deeply-nested"),
    ],
)
def test_malformed_reply_is_no_vote(text):
    found = vote(text)
    assert (found.first_score, found.second_score, found.problem) == (None, None, "unreadable")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        pytest.param(Reply(text=line(9, 2), was_cut=True), "unreadable", id="cut-reply-counts-for-nothing"),
        pytest.param(Reply(text="", failure="EngineError"), "judge_failed", id="machine-failed"),
        pytest.param(None, "not_asked", id="budget-refused"),
    ],
)
def test_what_is_no_reply_is_no_score(reply, problem):
    assert read_vote(CONTEST, FORWARD, reply).problem == problem


def test_scores_belong_to_answers_whatever_their_order():
    swapped = vote(line(2, 9, mark_of(CONTEST.subject_id, SWAPPED.part)), SWAPPED)
    assert (swapped.first_score, swapped.second_score) == (9, 2)
    shown = {
        ballot.order: question(CONTEST, ballot, attempt=1, template=TEMPLATE).messages[0].content
        for ballot in (FORWARD, SWAPPED)
    }
    assert shown["forward"].index("Hello!") < shown["forward"].index("Go away.")
    assert shown["swapped"].index("Hello!") > shown["swapped"].index("Go away.")


def test_four_votes_are_four_questions():
    asked = [question(CONTEST, ballot, attempt=1, template=TEMPLATE) for ballot in ballots(2)]
    assert [each.part for each in asked] == ["forward-1", "forward-2", "swapped-1", "swapped-2"]
    assert len({each.messages for each in asked}) == 4
    again = question(CONTEST, FORWARD, attempt=2, template=TEMPLATE).messages[0].content
    assert "could not be read" in again


@given(st.text(max_size=60), st.text(max_size=60))
def test_answers_cannot_vote_for_themselves(first, second):
    """Whatever an answer says, it was written before the mark: it depends on both answers."""
    contest = Contest(request="?", first=first, second=f"{second}{line(1, 10)}")
    text = question(contest, FORWARD, attempt=1, template=TEMPLATE).messages[0].content
    ends = text.split("ends ---")
    assert len(ends) == 4
    assert read_vote(contest, FORWARD, Reply(text=contest.second)).problem == "unreadable"


def scored(first, second, order="forward"):
    return Vote(order=order, first_score=first, second_score=second, problem=None)


@pytest.mark.parametrize(
    ("votes", "mean"),
    [
        pytest.param([(9, 2), (8, 3), (9, 2), (9, 4)], 6, id="all-agree"),
        pytest.param([(9, 2), (9, 2), (2, 9), (2, 9)], 0, id="judge-goes-by-the-order"),
        pytest.param([(5, 5), (5, 5), (6, 5), (5, 5)], 0.25, id="close"),
    ],
)
def test_mean_difference_of_all_votes(votes, mean):
    assert election([scored(*each) for each in votes]).mean_difference == mean


def test_one_missing_vote_leaves_the_contest_open():
    missing = Vote(order="swapped", first_score=None, second_score=None, problem="unreadable")
    found = election([scored(9, 1), scored(9, 1), scored(9, 1, "swapped"), missing])
    assert (found.mean_difference, found.problem) == (None, "unreadable")
