"""The embedded reward models: what they are taught, and what they say of requests that were held out."""

import random

import pytest
from small_workspace import STARTER_MODELS, starter_entry

from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.recipe_rewards import RewardModel
from openreason_dagster.domain.seeds.starter_tasks import split_of
from openreason_dagster.resources.reward_scorer import reward_scorer
from starter.evaluate_rewards import MEASURES, reward_of
from starter.train_rewards import TRAINERS, pair_from, turns

NAMES = tuple(f"starter-{kind}" for kind in TRAINERS)


def helpful_scorer():
    name = "starter-helpful"
    entry = TransformersModel(**starter_entry(name, name) | {"roles": ["reward"], "dtype": "float32", "threads": 1})
    return reward_scorer(entry, STARTER_MODELS, RewardModel(model=name))


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_pairs_are_a_better_and_a_worse_answer_to_a_request_of_the_split(split):
    rng = random.Random(6)
    pairs = [pair_from(rng, split=split) for _ in range(200)]
    assert all(pair.chosen.score > pair.rejected.score for pair in pairs)
    assert {split_of(pair.task.request) for pair in pairs} == {split}
    assert {pair.chosen.kind for pair in pairs} > {"good"}, "of two faulty answers one is better as well"


@pytest.mark.parametrize("name", NAMES)
def test_they_are_reward_models_and_never_sampled(small, name):
    small.write_model(starter_entry(name, name) | {"roles": ["reward"]})
    assert small.workspace.selected_models() == ["starter-base"]


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_small_and_their_card_says_how_they_were_made(name):
    assert (STARTER_MODELS / name / "model.safetensors").stat().st_size <= 4_000_000
    card = (STARTER_MODELS / name / "README.md").read_text(encoding="utf-8")
    for part in ("license: apache-2.0", "| Parameters |", "| Data |", "| Training |", "| Time |"):
        assert part in card


def test_a_text_is_rendered_for_training_as_the_pipeline_renders_it():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(STARTER_MODELS / "starter-helpful")
    text = tokenizer.apply_chat_template(turns("Why?", "Because."), tokenize=False)
    with helpful_scorer() as scorer:
        (score,) = scorer.score([("Why?", "Because.")])
    assert score.tokens == len(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize(("kind", "measure", "least"), [("helpful", "higher", 0.8), ("safety", "right", 0.9)])
def test_they_know_their_kinds_of_texts(kind, measure, least):
    measured = MEASURES[kind](reward_of(STARTER_MODELS / f"starter-{kind}", kind), each=40)
    assert {name: found[measure] for name, found in measured.items() if found[measure] < least} == {}
