"""Recorded rollouts with planted wrong references, through the whole graph, for each way to treat a suspect."""

import gzip
import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from command_line import invoke, words
from small_workspace import SmallWorkspace

from openreason_dagster.checks.datasets import reasoning_data_is_correct
from openreason_dagster.checks.learning import pairs_are_correct_against_incorrect
from openreason_dagster.domain.schemas import SFT_MIX
from openreason_dagster.resources.judging import judge_of
from openreason_dagster.resources.verdict_comparison import compare_verdicts

ROLLOUTS = Path(__file__).parents[1] / "data" / "rg_math_rollouts" / "llama3b_step400_amc23.jsonl.gz"
PLANTED = {"1625.0": "1626", "50.0": "49"}
"""Right answer of a problem that half of its samples give → the wrong reference planted."""
AGREED = {"1626": "1625", "49": "50", "8.0": "4"}
"""Reference → majority answer of the suspects; of the last one the reference is right and the samples err together."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Where the rollouts lie, judged; what the tests build on it replaces the tables after that."""
    small = SmallWorkspace(tmp_path_factory.mktemp("suspects"))
    small.settings.catalogue.mkdir()
    with gzip.open(ROLLOUTS, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        row["expected_answer"] = PLANTED.get(row["expected_answer"], row["expected_answer"])
    path = small.folder / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = {"prompt": "question", "completions": "completions", "completion_text": "full_model_response"}
    entry = {"name": "rollouts", "engine": "dataset", "path": str(path), "revision": "1", "license": "Apache-2.0"}
    small.write_model(entry | {"columns": columns})
    write_recipe(small, "keep")
    with dg.DagsterInstance.ephemeral() as instance:
        small.collect(instance)
        small.sample("rollouts", instance)
    return small


def write_recipe(small, suspects):
    source = {
        "name": "problems", "kind": "file", "path": "rollouts.jsonl", "license": "Apache-2.0", "domain": "math",
        "verifier": "math", "columns": {"prompt": "question", "answer": "expected_answer"},
    }  # fmt: skip
    small.write_recipe(
        sources=[source],
        temperatures=["imported"],
        sampling={"samples_per_prompt": 6, "max_tokens": 1},
        reasoning_data={"traces_per_prompt": 6},
        references={"suspects": suspects},
    )


@pytest.fixture(scope="module")
def built(judged, request):
    """The data sets, built with the treatment that the tests name; tests leave the tables as they found them."""
    write_recipe(judged, request.param)
    before = judged.tables.scan("verified_traces").sort("trace_id").collect()
    with dg.DagsterInstance.ephemeral() as instance:
        result = judged.run("build_datasets", instance)
    assert judged.tables.scan("verified_traces").sort("trace_id").collect().equals(before)
    return judged, result


def each(treatment):
    return pytest.mark.parametrize("built", [treatment], indirect=True, scope="module")


def rows_of(small, table):
    """Rows with the stated reference of their prompt."""
    references = small.tables.scan("prompt_pool").select("prompt_id", stated="reference_answer")
    return small.tables.scan(table).join(references, on="prompt_id").collect()


def reasons(small):
    dropped = rows_of(small, "reasoning_data_dropped").filter(pl.col("stated").is_in(list(AGREED)))
    return dropped["reason"].value_counts().rows()


def released(small):
    return pl.read_parquet(small.workspace.release_folder / "data" / "*.parquet")


@each("keep")
def test_suspects_are_listed_and_nothing_else_changes(built):
    small, result = built
    suspects = small.tables.scan("suspect_references").collect()
    found = dict(suspects.select("reference_answer", "majority_answer").iter_rows())
    assert found == AGREED
    assert set(suspects["treatment"]) == {"kept"}
    assert suspects["models"].to_list() == [["rollouts"]] * 3
    assert small.tables.scan("replaced_verdicts").collect().is_empty()
    assert reasons(small) == [("not_correct", 18)]
    assert set(released(small)["judged_against"]) == {"stated_reference"}
    (event,) = result.asset_materializations_for_node("suspect_references")
    assert event.metadata["dagster/row_count"].value == 3
    assert len(event.metadata["suspects"].records) == 3


@each("drop")
def test_nothing_is_built_from_dropped_suspects(built):
    small, _ = built
    assert reasons(small) == [("suspect_reference", 18)]
    assert not set(rows_of(small, "reasoning_data")["stated"]) & set(AGREED)
    assert set(rows_of(small, "suspect_references")["treatment"]) == {"dropped"}
    for table in ("rl_prompts_dropped", "preference_pairs_dropped"):
        left = rows_of(small, table).filter(pl.col("stated").is_in(list(AGREED)))
        assert left["reason"].to_list() == ["suspect_reference"] * 3
    assert "suspect_reference" in (small.workspace.release_folder / "README.md").read_text("utf-8")


@each("replace")
def test_majority_answers_take_the_references_place_and_rows_say_so(built):
    small, result = built
    kept = rows_of(small, "reasoning_data").filter(pl.col("stated").is_in(list(AGREED)))
    assert sorted(kept["stated"].value_counts().rows()) == [("1626", 3), ("49", 3), ("8.0", 3)]
    verdicts = rows_of(small, "replaced_verdicts")
    assert verdicts.height == 18
    assert set(verdicts.filter(pl.col("trace_id").is_in(kept["trace_id"].implode()))["verdict"]) == {"correct"}
    assert set(verdicts.select("stated", "reference_answer").rows()) == set(AGREED.items())
    stated = small.tables.scan("verified_traces").filter(pl.col("trace_id").is_in(kept["trace_id"].implode()))
    assert set(stated.collect()["is_correct"]) == {False}, "what the verifier said of the stated reference stands"
    others = rows_of(small, "reasoning_data").filter(~pl.col("stated").is_in(list(AGREED)))
    assert kept["reward_total"].mean() == pytest.approx(others["reward_total"].mean(), abs=0.2)

    prompts = rows_of(small, "rl_prompts").filter(pl.col("stated").is_in(list(AGREED)))
    assert set(prompts.select("stated", "reference_answer", "correct").rows()) == {
        (stated, majority, 3) for stated, majority in AGREED.items()
    }
    pairs = rows_of(small, "preference_pairs").filter(pl.col("stated").is_in(list(AGREED)))
    assert set(pairs["chosen_trace_id"]) <= set(verdicts.filter(verdict="correct")["trace_id"])
    assert pairs.height > 0
    assert pairs_are_correct_against_incorrect(small.tables).passed

    rows = released(small)
    assert set(rows.columns) == set(SFT_MIX.schema.names()) - {"split"} | {"judged_against"}
    by_majority = rows.filter(judged_against="majority_answer")
    assert set(by_majority["prompt_id"]) == set(kept["prompt_id"])
    assert set(rows.filter(judged_against="stated_reference")["prompt_id"]) == set(others["prompt_id"])
    (event,) = result.asset_materializations_for_node("reasoning_data")
    assert event.metadata["judged_against_majority"].value == 9


@each("replace")
def test_card_report_and_show_tell_of_replaced_references(built):
    small, _ = built
    card = (small.workspace.release_folder / "README.md").read_text("utf-8")
    assert f"| replaced | 3 | {released(small).filter(judged_against='majority_answer').height} |" in card
    assert "References in doubt" in small.workspace.report_file.read_text("utf-8")
    trace_id = released(small).filter(judged_against="majority_answer")["trace_id"][0]
    shown = words(invoke(small, "show", trace_id).stdout)
    for text in ("verdict: incorrect", "reference in doubt", "treatment: replaced", "verdict: correct", "rank: "):
        assert text in shown
    kept = released(small).filter(judged_against="stated_reference")["trace_id"][0]
    assert "in doubt" not in invoke(small, "show", kept).stdout


@each("replace")
def test_the_check_trusts_the_new_verdict_only_where_a_reference_was_replaced(built):
    small, _ = built
    result = reasoning_data_is_correct(small.tables, small.workspace)
    assert (result.passed, result.metadata["correct_against_majority"].value) == (True, 9)
    verdicts = small.tables.scan("replaced_verdicts").collect()
    small.tables.replace("replaced_verdicts", verdicts.with_columns(verdict=pl.lit("incorrect")))
    assert reasoning_data_is_correct(small.tables, small.workspace).metadata["not_correct"].value == 9
    small.tables.replace("replaced_verdicts", verdicts)
    suspects = small.tables.scan("suspect_references").collect()
    small.tables.replace("suspect_references", suspects.with_columns(treatment=pl.lit("kept")))
    assert not reasoning_data_is_correct(small.tables, small.workspace).passed
    small.tables.replace("suspect_references", suspects)


@each("replace")
def test_comparing_verdicts_knows_of_replaced_references(built):
    small, _ = built
    with judge_of(small.workspace.recipe().verification) as judge:
        found = compare_verdicts(small.tables, small.workspace, judge)
    rows = dict(found.data_sets.select("data_set", "rows").iter_rows())
    assert rows["reasoning_data"] == small.tables.scan("reasoning_data").collect().height
    assert found.data_sets.select("leaving", "entering").sum_horizontal().sum() == 0
