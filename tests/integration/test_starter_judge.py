"""The embedded judge: what it is taught; `test_starter_recipe` has the rows that the pipeline makes of what it says."""

import random

import pytest
from small_workspace import starter_entry

from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.seeds.starter_tasks import split_of
from openreason_dagster.domain.verification import answer_judge, preference_judge, safety_judge
from starter.judge_answers import ANSWERS, FAULTS, answer_to, task_from
from starter.judge_responses import LABELLINGS, labelling_from
from starter.train_judge import preference_lesson, rating_lesson, safety_lesson


def taught(lesson):
    """The reply of a lesson, as the pipeline will see it."""
    return Reply(text=lesson.completion.removeprefix("</think>"))


@pytest.mark.parametrize("kind", ANSWERS)
def test_lessons_are_ratings_that_the_pipeline_reads(kind):
    rng = random.Random(3)
    for _ in range(30):
        task = task_from(rng, split="train")
        answer = answer_to(task, kind, rng)
        exchange = answer_judge.Exchange(request=task.request, answer=answer.text)
        rating = answer_judge.read_rating(exchange, taught(rating_lesson(task, answer)), least_score=6)
        assert rating.score == answer.score
        assert (rating.verdict == "correct") == (kind == "good")
        assert split_of(task.request) == "train"


@pytest.mark.parametrize("order", ["forward", "swapped"])
@pytest.mark.parametrize("kind", FAULTS)
def test_lessons_are_votes_for_the_better_answer_in_either_order(kind, order):
    rng = random.Random(4)
    task = task_from(rng, split="train")
    good, faulty = answer_to(task, "good", rng), answer_to(task, kind, rng)
    lesson = preference_lesson(task, good, faulty, order=order)
    contest = preference_judge.Contest(request=task.request, first=good.text, second=faulty.text)
    vote = preference_judge.read_vote(contest, preference_judge.Ballot(order=order, number=1), taught(lesson))
    assert (vote.first_score, vote.second_score) == (good.score, faulty.score)
    assert vote.first_score > vote.second_score + 1


@pytest.mark.parametrize("kind", LABELLINGS)
def test_lessons_are_labels_that_the_pipeline_reads(kind):
    rng = random.Random(5)
    for _ in range(30):
        case = labelling_from(kind, rng, split="held_out")
        response = safety_judge.Response(request=case.request, text=case.text)
        assert safety_judge.read_label(response, taught(safety_lesson(case))).label == case.label
        assert (case.label == "unsafe") == (kind == "harmful")
        assert split_of(case.request) == "held_out"


def test_it_is_a_judge_and_never_sampled(small):
    small.write_model(starter_entry("starter-judge", "starter-judge") | {"roles": ["judge"]})
    assert small.workspace.selected_models() == ["starter-base"]
