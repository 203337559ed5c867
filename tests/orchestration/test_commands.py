"""The command line on a workspace in which the whole graph has been run."""

import json
import subprocess
import sys

import dagster as dg
import polars as pl
import psutil
import pytest
from command_line import invoke, words
from dagster._core.utils import make_new_run_id
from finished_run import FINISHED
from small_workspace import RECIPE, starter_entry

from openreason_dagster.commands.dagster_home import PROCESS_TAG, fail_all_lost_runs, fail_own_lost_runs, process_tag
from openreason_dagster.domain.schemas import TABLES

MODELS = ("starter-base", "starter-small")


@pytest.fixture
def workspace(finished_run):
    return finished_run.workspace


def test_status_of_a_finished_run(workspace):
    result = invoke(workspace, "status")
    assert result.exit_code == 0
    text = words(result.stdout)
    planned = workspace.tables.scan("prompt_pool").collect().height * 4
    for model in MODELS:
        for temperature in ("0.3", "1.2"):
            assert f"{model} {temperature} complete {planned} 0 0 {planned}" in text
    assert f"sft_mix {workspace.tables.scan('sft_mix').collect().height} rows" in text


def test_status_names_the_setting_that_makes_traces_stale(finished):
    finished.write_recipe(**FINISHED, sampling=RECIPE["sampling"] | {"max_tokens": 64})
    text = words(invoke(finished, "status").stdout)
    assert "starter-base 0.3 stale" in text
    assert "were sampled with another max_tokens; run the model again" in text


ROUNDS = {
    "first_round": 6, "round": 2, "maximum": 8, "enough_correct": 2, "lowest_pass_rate": 0.05, "confidence": 0.8,
}  # fmt: skip


def lose_traces(workspace):
    workspace.tables.delete("sampled_traces", "sample_index = 3 AND temperature = '1.2'")


def lose_verdicts(workspace):
    workspace.tables.delete("verified_traces", "temperature = '1.2'")


def fail_requests(workspace):
    table = TABLES["sampling_failures"]
    traces = workspace.tables.scan("sampled_traces").filter(sample_index=3, temperature="1.2").collect()
    failures = traces.with_columns(error=pl.lit("http_500"), message=pl.lit(""), failed_at=pl.col("sampled_at"))
    workspace.tables.append("sampling_failures", failures.select(table.schema.names()))
    lose_traces(workspace)


def ask_in_rounds(workspace):
    workspace.write_recipe(**FINISHED, sampling={"max_tokens": 120, "adaptive": ROUNDS})


def ask_otherwise_and_stop_half_way(workspace):
    lose_traces(workspace)
    workspace.write_recipe(**FINISHED, sampling=RECIPE["sampling"] | {"max_tokens": 64})


@pytest.mark.parametrize(
    ("happen", "expected"),
    [
        pytest.param(lose_traces, "partial 33 11 0 33", id="not-all-sampled"),
        pytest.param(fail_requests, "partial 33 11 11 33", id="requests-failed"),
        pytest.param(lose_verdicts, "not verified 44 0 0 0", id="not-verified"),
        pytest.param(ask_in_rounds, "partial 44 22+ 0 44", id="rounds-go-on"),
        pytest.param(ask_otherwise_and_stop_half_way, "stale 0 44 0 33", id="other-settings"),
    ],
)
def test_status_says_what_is_left(finished, happen, expected):
    happen(finished)
    assert f"starter-base 1.2 {expected}" in words(invoke(finished, "status").stdout)


def test_status_says_what_is_spent_of_the_budget(finished):
    limits = {"recipe": {"tokens": 1_000_000}, "model": {"seconds": 600, "money": 1}, "run": {"tokens": 10}}
    finished.write_recipe(**FINISHED, budget=limits)
    tokens = finished.tables.scan("sampled_traces").collect()["completion_tokens"].sum()
    text = words(invoke(finished, "status").stdout)
    assert text.count(f"budget.recipe.tokens: {tokens:,} of 1,000,000 spent") == 1
    for model in MODELS:
        assert f"of {model}: 0.00 of 1.00 spent" in text
        assert f"budget.model.seconds of {model}:" in text
    assert "budget.run" not in text, "a run that has not begun has spent nothing"


def test_a_judge_is_shown_where_models_and_their_budgets_are(small):
    small.write_model(starter_entry("helper") | {"roles": ["judge"]})
    small.write_recipe(verification={"judge": {"model": "helper"}}, budget={"model": {"tokens": 10}})
    assert "helper transformers 1 Apache-2.0 as judge" in words(invoke(small, "models").stdout)
    text = words(invoke(small, "status").stdout)
    assert "budget.model.tokens of helper: 0 of 10 spent" in text
    assert "helper 0.3" not in text, "it is not sampled"


def test_status_of_an_empty_workspace(small):
    result = invoke(small, "status")
    assert result.exit_code == 0
    assert "nothing to" in words(result.stdout)
    assert "sft_mix 0 rows" in words(result.stdout)


def test_models_lists_the_catalogue_and_what_is_wrong_with_it(finished):
    (finished.settings.catalogue / "broken.yaml").write_text("name: broken\nengine: warp\n", encoding="utf-8")
    finished.write_recipe(**FINISHED, models=["starter-*"])
    result = invoke(finished, "models")
    assert result.exit_code == 0
    text = words(result.stdout)
    assert "starter-base transformers 1 Apache-2.0 yes" in text
    assert "broken – – – no" in text
    assert "warp" in text


@pytest.mark.parametrize(
    ("output", "read"),
    [
        pytest.param("csv", lambda text: int(text.splitlines()[1]), id="csv"),
        pytest.param("json", lambda text: json.loads(text)["traces"], id="json"),
        pytest.param("table", lambda text: int(next(filter(str.isdecimal, text.split()))), id="table"),
    ],
)
def test_query_prints_rows(workspace, output, read):
    result = invoke(workspace, "query", "select count(*) as traces from sampled_traces", "--format", output)
    assert result.exit_code == 0
    assert read(result.stdout) == workspace.tables.scan("sampled_traces").collect().height


def test_query_joins_tables(workspace):
    sql = "select count(*) as n from sft_mix join verified_traces using (trace_id) where verdict <> 'correct'"
    assert invoke(workspace, "query", sql, "--format", "csv").stdout.split() == ["n", "0"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        pytest.param("copy sampled_traces to '{folder}/stolen.csv'", "one statement that reads", id="copy"),
        pytest.param("select 1; select 2", "one statement that reads", id="two-statements"),
        pytest.param("", "one statement that reads", id="nothing"),
        pytest.param("install httpfs", "one statement that reads", id="extension"),
        pytest.param("attach '{folder}/other.db'", "one statement that reads", id="attach"),
        pytest.param("from read_text('{folder}/recipe.yaml')", "the query failed", id="file-outside"),
        pytest.param("from '{folder}/data/tables/../../prompts.jsonl'", "the query failed", id="file-by-a-detour"),
        pytest.param("select * from no_such_table", "Tables: benchmark_matches", id="unknown-table"),
        pytest.param("selekt 1", "the query failed", id="no-sql"),
    ],
)
def test_query_refuses(workspace, sql, message):
    before = sorted(path.name for path in workspace.folder.iterdir())
    result = invoke(workspace, "query", sql.format(folder=workspace.folder))
    assert result.exit_code == 1
    assert message in words(result.stderr)
    assert "Traceback" not in result.output
    assert sorted(path.name for path in workspace.folder.iterdir()) == before


def test_run_again_samples_nothing_and_says_so(finished, instance):
    version = finished.tables.version("sampled_traces")
    result = invoke(finished, "run", str(finished.settings.recipe), "--model", "starter-base")
    assert result.exit_code == 0, result.output
    text = words(result.stdout)
    assert "nothing is sampled again" in text
    assert "Nothing was sampled again" in text
    assert "starter-small" not in text.split("Building data sets")[0], "only the model that was asked for"
    assert str(finished.workspace.release_folder) in result.stdout
    assert finished.tables.version("sampled_traces") == version


@pytest.fixture
def dead_process():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        tag = f"{process.pid}:{psutil.Process(process.pid).create_time():.2f}"
        process.kill()
    return tag


def test_runs_without_a_living_process_are_marked_failed(instance, dead_process):
    living = process_tag()[PROCESS_TAG]
    tags = {
        "living": {PROCESS_TAG: living},
        "dead": {PROCESS_TAG: dead_process},
        "number-used-again": {PROCESS_TAG: f"{living.split(':')[0]}:1.00"},
        "garbage": {PROCESS_TAG: "nobody"},
        "untagged": {},
    }
    runs = {name: make_new_run_id() for name in tags}
    for name, run_id in runs.items():
        started = dg.DagsterRunStatus.STARTED
        instance.add_run(dg.DagsterRun(job_name="sample_model", run_id=run_id, status=started, tags=tags[name]))
    finished_run = make_new_run_id()
    done = dg.DagsterRunStatus.SUCCESS
    instance.add_run(dg.DagsterRun(job_name="sample_model", run_id=finished_run, status=done))

    assert fail_own_lost_runs(instance) == 3
    assert instance.get_run_by_id(runs["untagged"]).status == dg.DagsterRunStatus.STARTED
    assert fail_all_lost_runs(instance) == 1
    found = {name: instance.get_run_by_id(run_id).status for name, run_id in runs.items()}
    assert found.pop("living") == dg.DagsterRunStatus.STARTED
    assert set(found.values()) == {dg.DagsterRunStatus.FAILURE}
    assert instance.get_run_by_id(finished_run).status == dg.DagsterRunStatus.SUCCESS
    assert fail_all_lost_runs(instance) == 0
