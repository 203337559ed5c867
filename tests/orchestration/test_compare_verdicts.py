"""Stored verdicts beside those of the verifiers of today: what flips, and what of it would reach the mix."""

import polars as pl
import pytest
from command_line import invoke
from rich.console import Console

from openreason_dagster.commands.compare_verdicts import print_comparison
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.resources.judging import judge_of
from openreason_dagster.resources.verdict_comparison import compare_verdicts


@pytest.fixture(scope="module")
def judge():
    with judge_of(Verification(workers=1, timeout_seconds=20)) as judge:
        yield judge


def edit_verdicts(workspace, trace_ids, verdict):
    """Let the stored verdicts look like those of an earlier verifier that saw these traces otherwise."""
    is_chosen = pl.col("trace_id").is_in(trace_ids)
    rows = workspace.tables.scan("verified_traces").collect()
    edited = rows.with_columns(
        verdict=pl.when(is_chosen).then(pl.lit(verdict)).otherwise("verdict"),
        is_correct=pl.when(is_chosen).then(pl.lit(verdict == "correct")).otherwise("is_correct"),
        verifier_version=pl.lit("math-0"),
        message=pl.lit("[bold]an earlier reason"),
    )
    workspace.tables.replace("verified_traces", edited)


def ids_of(workspace, table, count, **values):
    rows = workspace.tables.scan(table)
    for column, value in values.items():
        rows = rows.filter(pl.col(column) == value)
    return rows.sort("trace_id").head(count).collect()["trace_id"].to_list()


def test_the_same_verifiers_change_nothing(finished, judge):
    found = compare_verdicts(finished.tables, finished.workspace, judge)
    assert found.judged == finished.tables.scan("verified_traces").collect().height > 0
    assert found.flips.is_empty()
    assert found.changed.is_empty()
    assert (found.data_sets["rows"] == found.data_sets["new_rows"]).all()
    assert found.data_sets.select("leaving", "entering").sum_horizontal().sum() == 0


def test_what_flips_and_what_reaches_the_mix(finished, judge):
    version = finished.tables.version("verified_traces")
    lost = ids_of(finished, "reasoning_data", 3)
    gained = ids_of(finished, "verified_traces", 2, verdict="incorrect")
    edit_verdicts(finished, lost, "incorrect")
    edit_verdicts(finished, gained, "correct")
    written = finished.tables.version("verified_traces")
    assert written > version
    found = compare_verdicts(finished.tables, finished.workspace, judge)
    flips = found.flips.group_by("verifier_version", "verdict", "new_verdict").agg(pl.col("traces").sum())
    assert set(flips.rows()) == {
        ("math-0", "incorrect", "correct", len(lost)),
        ("math-0", "correct", "incorrect", len(gained)),
    }
    assert lost
    assert gained
    assert set(found.changed["trace_id"]) == {*lost, *gained}
    assert found.changed["message"].unique().to_list() == ["[bold]an earlier reason"]
    rows = {row["data_set"]: row for row in found.data_sets.to_dicts()}
    assert rows["reasoning_data"]["entering"] >= len(lost)
    assert rows["reasoning_data"]["new_rows"] == len(finished.tables.scan("reasoning_data").collect())
    assert finished.tables.version("verified_traces") == written, "nothing is written"


def test_what_is_printed(finished):
    edit_verdicts(finished, ids_of(finished, "reasoning_data", 1), "incorrect")
    console = Console(record=True, width=200)
    print_comparison(finished.tables, finished.workspace, console)
    text = console.export_text()
    for expected in (
        "1 differ",
        "incorrect",
        "correct",
        "math-0",
        "reasoning_data",
        "sft_mix",
        "No verdict was changed",
    ):
        assert expected in text


def test_the_command(finished):
    result = invoke(finished, "verify", "--compare")
    assert result.exit_code == 0
    assert "0 differ" in result.stdout
    assert "sft_mix" in result.stdout


@pytest.mark.parametrize("arguments", [[], ["rows.jsonl", "--compare"]], ids=["nothing", "both"])
def test_a_file_or_the_stored_traces(finished, arguments):
    result = invoke(finished, "verify", *arguments)
    assert result.exit_code == 2
    assert "give a file of rows, or --compare" in " ".join(result.stderr.split())


def test_an_empty_workspace_has_nothing_to_compare(small, judge):
    found = compare_verdicts(small.tables, small.workspace, judge)
    assert (found.judged, found.changed.height) == (0, 0)
    assert found.data_sets["rows"].to_list() == [0, 0]
