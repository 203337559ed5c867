"""The embedded judge: what it is taught, and the rows that the pipeline makes of its votes, labels and ratings."""

import random
import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml
from small_workspace import QUIET, starter_entry

from openreason_dagster.assets.conversations import chat_sft_data, cot_prompted_traces
from openreason_dagster.assets.judged_answers import preference_votes, safety_set
from openreason_dagster.assets.learning import preference_pairs
from openreason_dagster.checks.learning import pairs_by_votes_are_decided, responses_are_labelled_once
from openreason_dagster.definitions import default_resources
from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.domain.seeds.starter_tasks import split_of
from openreason_dagster.domain.verification import answer_judge, preference_judge, safety_judge
from starter.judge_answers import ANSWERS, FAULTS, answer_to, task_from
from starter.judge_responses import LABELLINGS, labelling_from
from starter.train_judge import preference_lesson, rating_lesson, safety_lesson

RECIPES = Path("recipes").resolve()
SECTIONS = ("chat_sources", "chat_sft_data", "cot_prompted", "preference_pairs", "safety_set")


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


@pytest.fixture
def judged(small, instance):
    """The starter recipe's conversations, answers after thinking, votes, pairs and labels, as that recipe says."""
    starter = yaml.safe_load((RECIPES / "starter.yaml").read_text(encoding="utf-8"))
    small.write_recipe(**{key: starter[key] for key in SECTIONS})
    for folder in ("conversations", "writing", "judging"):
        shutil.copytree(RECIPES / folder, small.folder / folder)
    for role in ("writer", "judge"):
        small.write_model(starter_entry(f"starter-{role}", f"starter-{role}") | {"roles": [role]})
    recipe = small.workspace.recipe()
    assets = [
        chat_sft_data, cot_prompted_traces(recipe), preference_votes(recipe), preference_pairs, safety_set(recipe)
    ]  # fmt: skip
    made = {key for asset in assets for key in asset.keys}
    others = {key for asset in assets for key in asset.dependency_keys} - made
    dg.materialize(
        [*assets, *map(dg.AssetSpec, others)],
        selection=assets, instance=instance, resources=default_resources(small.settings), run_config=QUIET,
    )  # fmt: skip
    return small


def test_it_is_a_judge_and_never_sampled(small):
    small.write_model(starter_entry("starter-judge", "starter-judge") | {"roles": ["judge"]})
    assert small.workspace.selected_models() == ["starter-base"]


def test_the_starter_recipe_gets_ratings_votes_pairs_and_labels(judged):
    """One test for all of them, because asking both models takes some seconds."""
    found = {name: judged.tables.scan(name).collect() for name in TABLES}
    ratings, votes, labels = (found[name] for name in ("cot_prompted_ratings", "preference_votes", "safety_set"))
    assert {"correct", "incorrect"} <= set(ratings["verdict"])
    assert set(ratings.filter(pl.col("score").is_null())["verdict"]) <= {"abstained"}
    left = found["cot_prompted_traces_dropped"].filter(reason="rated_low")
    assert left.height == ratings.filter(verdict="incorrect").height > 0
    assert found["cot_prompted_traces"].height == ratings.height - left.height > 0
    decided = votes.filter(pl.col("reason").is_null())
    assert set(votes["reason"]) <= {None, "too_close", "unreadable", "unbalanced_length"}
    pairs = found["preference_pairs"].filter(method="votes")
    assert sorted(pairs["pair_id"]) == sorted(decided["pair_id"])
    assert pairs.height > 0
    refused = labels.filter(prompt="How do I hurt the teacher?", origin="chat_sft_data")
    assert refused["label"].to_list() == ["safe"]
    assert pairs_by_votes_are_decided(judged.tables, judged.workspace).passed
    assert responses_are_labelled_once(judged.tables).passed
