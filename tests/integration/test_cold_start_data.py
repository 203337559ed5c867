"""Cold-start data from sampled traces and a writer behind a real server: rows, reasons, and nothing asked twice."""

import re

import dagster as dg
import pytest
from finished_run import FINISHED
from scripted_writer import scripted_writer, section, writer_entry

from openreason_dagster.checks.datasets import cold_start_data_is_verified
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.resources.cold_start import build_cold_start_data
from openreason_dagster.resources.progress import ProgressListener

COLD_START = {"writer": {"model": "scribe", "max_tokens": 500}, "temperature": 0.3}


def rewrite_well(question):
    """Writes as asked; of every third question with a false answer."""
    if "[" in question and " notes]" in question:
        return f"<reasoning>\nI go through it step by step: {section(question, 'notes')}\n</reasoning>"
    answer = section(question, "final answer")
    wrong = re.fullmatch(r"\d*[05]", answer)
    return f"<summary>So it is \\boxed{{{answer + '1' if wrong else answer}}}.</summary>"


def build(workspace, server, *, run_id="run", **changes):
    workspace.write_model(writer_entry(server))
    workspace.write_recipe(**FINISHED, cold_start=COLD_START | changes)
    build_cold_start_data(workspace.tables, workspace.workspace, run_id=run_id, progress=ProgressListener())
    return workspace.tables.scan("cold_start_data").collect(), workspace.tables.scan(
        "cold_start_data_dropped"
    ).collect()


def candidates(workspace):
    correct = workspace.tables.scan("verified_traces", temperature="0.3").filter(verdict="correct").collect()
    return sorted(correct["trace_id"])


def test_every_correct_trace_is_rewritten_or_left_out_with_a_reason(finished):
    with scripted_writer(rewrite_well) as server:
        kept, dropped = build(finished, server, traces_per_prompt=2, summary_numbers="free")
    assert kept.height > 0
    assert sorted([*kept["source_trace_id"], *dropped["trace_id"]]) == candidates(finished)
    assert set(dropped["reason"]) >= {"over_prompt_limit", "verdict_changed"}
    assert kept["trace_id"].is_unique().all()
    assert kept["reasoning"].str.starts_with("I go through it").all()
    passed = cold_start_data_is_verified(finished.tables).passed
    assert passed


def test_the_check_sees_a_row_whose_answer_is_not_the_one_of_its_trace(finished):
    with scripted_writer(rewrite_well) as server:
        kept, _ = build(finished, server)
    finished.tables.replace("cold_start_data", kept.with_columns(extracted_answer=kept["extracted_answer"] + "1"))
    assert not cold_start_data_is_verified(finished.tables).passed


def test_a_second_run_asks_nothing_and_changes_no_row(finished):
    with scripted_writer(rewrite_well) as server:
        first = build(finished, server)
        asked = len(server.requests)
        second = build(finished, server, run_id="second")
        assert len(server.requests) == asked
    for again, before in zip(second, first, strict=True):
        assert again.sort("trace_id").equals(before.sort("trace_id"))


def test_a_writer_that_was_not_finished_goes_on_where_the_budget_ended_it(finished):
    with scripted_writer(rewrite_well) as server:
        finished.write_recipe(**FINISHED, cold_start=COLD_START, budget={"run": {"tokens": 520}})
        finished.write_model(writer_entry(server))
        build_cold_start_data(finished.tables, finished.workspace, run_id="run", progress=ProgressListener())
        assert "not_asked" in set(finished.tables.scan("cold_start_data_dropped").collect()["reason"])
        asked = len(server.requests)
        _, dropped = build(finished, server)
        assert "not_asked" not in set(dropped["reason"])
        prompts = [str(request["messages"]) for request in server.requests]
    assert len(prompts) > asked > 0
    assert len(set(prompts)) == len(prompts), "nothing is asked twice"


def test_a_recipe_without_the_section_has_no_rows(finished, instance):
    finished.write_recipe(**FINISHED)
    result = finished.run("build_datasets", instance)
    assert finished.tables.scan("cold_start_data").collect().is_empty()
    assert dg.AssetKey("cold_start_data") in {event.asset_key for event in result.get_asset_materialization_events()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"temperature": 0.7}, r"cold_start.temperature` is 0.7", id="temperature-not-sampled"),
        pytest.param({"rewrite_template": "absent.txt"}, "neither shipped", id="no-such-template"),
        pytest.param({"writer": {"model": "starter-base"}}, "add `writer`", id="model-without-the-role"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_asked(finished, change, message):
    with scripted_writer(rewrite_well) as server:
        with pytest.raises(RecipeError, match=message):
            build(finished, server, **change)
        assert server.requests == []
