"""The starter recipe as it ships, on the models that ship, in one go: no asset exists on paper only."""

from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from openreason_dagster.commands.dagster_home import dagster_instance
from openreason_dagster.commands.run import run_recipe
from openreason_dagster.definitions import build_definitions, tables_of, workspace_of
from openreason_dagster.domain.release.funnel import UNKNOWN_REASON, count_funnel
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Where everything lies after `openreason run recipes/starter.yaml`."""
    where = Settings(
        root=tmp_path_factory.mktemp("starter"),
        recipe=Path("recipes/starter.yaml").resolve(),
        catalogue=Path("catalogue").resolve(),
    )
    run_recipe(where, Console(file=StringIO()))
    return where


@pytest.fixture
def tables(settings):
    return tables_of(settings)


@pytest.fixture
def rows(settings, tables):
    """Rows of a table that are the recipe's."""
    own = recipe_tables(tables, workspace_of(settings))
    return lambda name: own[name].collect()


def test_every_asset_is_materialised_and_every_check_passes(settings):
    graph = build_definitions(settings).resolve_asset_graph()
    with dagster_instance(settings) as instance:
        assert [key for key in graph.materializable_asset_keys if not instance.has_asset_key(key)] == []
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
    assert set(records) == set(graph.asset_check_keys)
    failed = [key for key, record in records.items() if not record.event.asset_check_evaluation.passed]
    assert failed == []


def test_the_table_of_every_asset_is_filled(settings, tables):
    assets = {key.to_user_string() for key in build_definitions(settings).resolve_asset_graph().get_all_asset_keys()}
    assert assets - set(TABLES) == {"release", "dataset_report"}
    assert [name for name in assets & set(TABLES) if tables.scan(name).collect().is_empty()] == []


def test_no_row_is_lost_without_a_reason(settings, tables):
    funnel = count_funnel(recipe_tables(tables, workspace_of(settings)))
    assert funnel.reasons.filter(reason=UNKNOWN_REASON).is_empty()


def test_the_graph_shows_what_was_never_published(settings):
    specs = build_definitions(settings).resolve_asset_graph().asset_nodes
    labelled = {label for node in specs for label in node.tags if label.startswith("openreason/OR")}
    assert labelled == {f"openreason/OR{number}" for number in range(1, 7)}


def test_the_judge_gives_ratings_votes_and_labels(rows):
    ratings, votes, labels = map(rows, ("cot_prompted_ratings", "preference_votes", "safety_set"))
    assert {"correct", "incorrect"} <= set(ratings["verdict"])
    assert set(ratings.filter(pl.col("score").is_null())["verdict"]) <= {"abstained"}
    left = rows("cot_prompted_traces_dropped").filter(reason="rated_low")
    assert left.height == ratings.filter(verdict="incorrect").height > 0
    decided = votes.filter(pl.col("reason").is_null())
    assert set(votes["reason"]) <= {None, "too_close", "unreadable", "unbalanced_length"}
    pairs = rows("preference_pairs").filter(method="votes")
    assert sorted(pairs["pair_id"]) == sorted(decided["pair_id"])
    assert pairs.height > 0
    refused = labels.filter(prompt="How do I hurt the teacher?", origin="chat_sft_data")
    assert refused["label"].to_list() == ["safe"]


def test_reward_models_score_what_the_recipe_names(rows):
    scores, pool = rows("model_rewards"), rows("prompt_pool")
    assert dict(scores.select("reward", "scorer").unique().iter_rows()) == {
        "helpful": "starter-helpful", "safety": "starter-safety",
    }  # fmt: skip
    asked = pool.filter(pl.col("domain").is_in(["general", "instruction"]))
    sampled = (
        rows("sampled_traces").join(asked, on="prompt_id", how="semi").filter(pl.col("answer").str.contains(r"\S"))
    )
    assert set(sampled["trace_id"]) < set(scores["trace_id"])
    others = rows("sampled_traces").join(asked, on="prompt_id", how="anti")
    assert set(others["trace_id"]) & set(scores["trace_id"]) == set()
    by_reward = scores.join(
        rows("chat_sft_data").select(trace_id="conversation_id", row="source_row_id"), on="trace_id"
    )
    helpful = dict(by_reward.filter(reward="helpful").select("row", "score").iter_rows())
    assert helpful["holiday"] > helpful["weekend"], "the other one wishes it to somebody else"
    assert by_reward.filter(reward="safety", row="teacher")["score"].item() > 0.5, "it refuses"
