"""All of R1's boxes in one mix: a scripted writer, conversations that were taken over, and no row without a reason."""

import json
import re
import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from command_line import invoke
from finished_run import FINISHED
from scripted_writer import scripted_writer, section, writer_entry

from openreason_dagster.definitions import build_checks
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.release.card import COMPONENTS
from openreason_dagster.domain.release.manifest import read_manifest
from openreason_dagster.resources.scope import require_own

SAMPLE = Path("tests/data/chat_alpaca/alpaca.jsonl")
SECTIONS = {
    "chat_sources": [
        {"name": "alpaca", "kind": "file", "path": "alpaca.jsonl", "layout": "alpaca", "license": "Apache-2.0"}
    ],
    "chat_sft_data": {"licenses": ["Apache-2.0"], "minimum_answer_characters": 5},
    "cold_start": {"writer": {"model": "scribe"}, "temperature": 0.3},
    "cot_prompted": {
        "writer": {"model": "scribe"},
        "minimum_language_consistency": None,
        "judge": {"model": "scribe", "attempts": 1, "unrated": "drop"},
    },
    "sft_mix": {"component_shares": {"reasoning_data": 0.4, "cold_start_data": 0.2, "non_reasoning_data": 0.4}},
}
DATA_SETS = ("cold_start_data", "chat_sft_data", "cot_prompted_traces", "non_reasoning_data", "sft_mix")


def write(question):
    """Every kind of text as asked, but one of three chat prompts without the form; ratings go by the request."""
    if "--- request " in question:
        return rate(question)
    if " notes]" in question:
        return f"<reasoning>I look at it step by step: {section(question, 'notes')}</reasoning>"
    if " final answer]" in question:
        return f"<summary>So it is \\boxed{{{section(question, 'final answer')}}}.</summary>"
    if len(question) % 3 == 0:
        return "As you wish."
    return "<reasoning>They want something short.</reasoning><answer>Here it is.</answer>"


def rate(question):
    """A good, a bad or no rating of an answer."""
    mark, request = re.search(r"--- request (\w+) begins ---\n(.*?)\n--- request \1 ends", question, re.S).groups()
    score = (9, 2, "unsure")[len(request) % 4 % 3]
    return json.dumps({"id": mark, "score": score})


@pytest.fixture(scope="module")
def mixed(finished_run, tmp_path_factory):
    """The workspace, read only, and what Dagster said of each job; `own` is a copy to change."""
    workspace = finished_run.workspace.copied_to(tmp_path_factory.mktemp("mixed") / "workspace")
    shutil.copy(SAMPLE, workspace.folder / "alpaca.jsonl")
    with scripted_writer(write) as server, dg.DagsterInstance.ephemeral() as instance:
        workspace.write_model(writer_entry(server) | {"roles": ["writer", "judge"]})
        workspace.write_recipe(**FINISHED | SECTIONS)
        results = [workspace.run(job, instance) for job in ("build_pool", "build_non_reasoning", "build_datasets")]
    return workspace, results


@pytest.fixture
def own(mixed, tmp_path):
    return mixed[0].copied_to(tmp_path / "own")


def rows(workspace, name):
    return workspace.tables.scan(name).collect()


def test_the_mix_holds_all_components_at_their_shares_and_every_row_has_a_reason(mixed):
    workspace, results = mixed
    evaluations = {one.check_name: one.passed for result in results for one in result.get_asset_check_evaluations()}
    assert all(evaluations.values())
    assert {"cold_start_data_is_verified", "chat_licences_are_allowed", "conversations_are_well_formed"} <= set(
        evaluations
    )
    assert len(build_checks(workspace.workspace.recipe())) >= len(evaluations)

    found = {name: rows(workspace, name) for name in DATA_SETS}
    left = {name: rows(workspace, f"{name}_dropped") for name in DATA_SETS}
    source_rows = len(SAMPLE.read_text(encoding="utf-8").splitlines())
    assert found["chat_sft_data"].height + left["chat_sft_data"].height == source_rows
    prompts = found["chat_sft_data"]["prompt_id"].n_unique()
    assert found["cot_prompted_traces"].height + left["cot_prompted_traces"].height == prompts
    assert found["cot_prompted_traces"].height > 0 < left["cot_prompted_traces"].filter(reason="bad_form").height
    ratings = rows(workspace, "cot_prompted_ratings")
    assert set(found["cot_prompted_traces"]["verdict"]) == {"correct"}
    assert set(found["cot_prompted_traces"]["trace_id"]) == set(ratings.filter(verdict="correct")["trace_id"])
    reasons = left["cot_prompted_traces"].filter(pl.col("reason").is_in(["rated_low", "not_rated"]))["reason"]
    assert sorted(reasons) == sorted(
        ratings["verdict"]
        .replace_strict({"incorrect": "rated_low", "abstained": "not_rated"}, default=None)
        .drop_nulls()
    )
    assert set(reasons) == {"rated_low", "not_rated"}
    taken = found["chat_sft_data"].height + found["cot_prompted_traces"].height
    assert found["non_reasoning_data"].height + left["non_reasoning_data"].height == taken
    components = sum(
        rows(workspace, name).height for name in ("reasoning_data", "cold_start_data", "non_reasoning_data")
    )
    assert found["sft_mix"].height + left["sft_mix"].height == components
    counts = dict(found["sft_mix"]["component"].value_counts().iter_rows())
    total = found["sft_mix"].height
    for component, share in SECTIONS["sft_mix"]["component_shares"].items():
        assert abs(counts[component] - share * total) < 1
    unclustered = found["sft_mix"].join(rows(workspace, "prompt_clusters"), on="prompt_id", how="anti")
    assert unclustered.is_empty(), "a prompt outside the clusters could be on both sides of the split in other words"


def test_rows_of_the_mix_are_what_their_component_says(mixed):
    workspace, _ = mixed
    mix = rows(workspace, "sft_mix")
    assert mix["trace_id"].is_unique().all()
    chat = mix.filter(component="non_reasoning_data")
    assert set(chat["model"]) == {"-", "scribe"}
    thinks = chat.select("model", t=pl.col("messages").list.last().struct.field("content").str.contains("</think>"))
    assert dict(thinks.unique().iter_rows()) == {"-": False, "scribe": True}
    cold = mix.filter(component="cold_start_data")
    assert cold["messages"].list.last().struct.field("content").str.starts_with("<think>\nI look at it").all()
    assert chat["reward_total"].null_count() == chat.height
    card = (workspace.workspace.release_folder / "README.md").read_text(encoding="utf-8")
    assert "alpaca" in card
    assert "over_component_share" in card
    (file,) = (workspace.workspace.release_folder / "data").glob("train-*.parquet")
    released = pl.read_parquet(file).with_row_index()
    for (component, model), found in released.group_by("component", "model", maintain_order=True):
        place = f"{file}:{found['index'][0]}"
        shown = invoke(workspace, "show", place).stdout
        assert f"  {place}\n" in shown, "the row that was asked for is found again"
        if component == "cold_start_data" or model == "scribe":
            assert "model_replies" in shown, "how the writer was asked"


def test_conversations_of_another_recipe_are_refused(own):
    own.write_recipe(**FINISHED)
    with pytest.raises(RecipeError, match="chat_sft_data was built for another recipe: it holds rows of alpaca"):
        require_own("chat_sft_data", own.tables, own.workspace.recipe())


def test_a_release_is_built_again_after_the_writer_is_gone(own):
    assert set(read_manifest(own.workspace.release_folder / "manifest.json")["catalogue"]) >= {"scribe"}
    card = (own.workspace.release_folder / "README.md").read_text(encoding="utf-8")
    assert "- `scribe`: engine openai, revision `1`, licence x." in card
    assert f"| cold_start_data | {COMPONENTS['cold_start_data']} |" in card
    (own.settings.catalogue / "scribe.yaml").unlink()
    result = invoke(own, "reproduce", str(own.workspace.release_folder / "manifest.json"))
    assert result.exit_code == 0, result.output
    assert "Equal" in result.stdout
