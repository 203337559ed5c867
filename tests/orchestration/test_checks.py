"""Every asset check passes on good tables and fails on the fault it is there for."""

import datetime

import dagster as dg
import polars as pl
import pytest
from example_tables import small_run

from openreason_dagster.checks import datasets as dataset_checks
from openreason_dagster.checks import pool as pool_checks
from openreason_dagster.checks.traces import (
    duplicated_traces,
    machine_failures,
    unjudged_traces,
    unscored_verdicts,
    verifier_errors,
)
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS, PROMPT_CLUSTERS, VERIFICATION_CANARIES

KEYS = {"model": "large", "temperature": "0.3"}


@pytest.fixture
def filled(small):
    """The small workspace with the example tables in it."""
    for name, rows in small_run(prompt="Mia has 2 red pens and 3 blue pens. How many pens has she?").items():
        small.tables.replace(name, rows.collect())
    return small


def edit(workspace, name, change):
    rows = workspace.tables.scan(name).collect()
    workspace.tables.replace(name, change(rows))


def without_one(rows):
    return rows.filter(pl.col("trace_id") != "large-0.3-0")


def doubled(rows):
    return pl.concat([rows, rows.filter(pl.col("trace_id") == "large-0.3-0")])


@pytest.mark.parametrize(
    ("judge", "table", "fault"),
    [
        pytest.param(duplicated_traces, "sampled_traces", doubled, id="trace-twice"),
        pytest.param(
            duplicated_traces,
            "sampled_traces",
            lambda rows: rows.with_columns(sample_index=pl.lit(0, pl.Int64)),
            id="sample-index-twice",
        ),
        pytest.param(unjudged_traces, "verified_traces", without_one, id="trace-without-verdict"),
        pytest.param(unjudged_traces, "sampled_traces", without_one, id="verdict-without-trace"),
        pytest.param(unjudged_traces, "verified_traces", doubled, id="two-verdicts"),
        pytest.param(
            machine_failures,
            "verified_traces",
            lambda rows: rows.with_columns(verdict=pl.lit("timeout")),
            id="verifier-hangs-often",
        ),
        pytest.param(unscored_verdicts, "scored_traces", without_one, id="verdict-without-rewards"),
        pytest.param(
            unscored_verdicts,
            "scored_traces",
            lambda rows: rows.with_columns(reward_format=pl.lit(2.0)),
            id="reward-out-of-bounds",
        ),
    ],
)
def test_trace_check_passes_then_fails_on_its_fault(filled, judge, table, fault):
    recipe = filled.workspace.recipe()
    assert judge(filled.tables, recipe, KEYS).passed
    edit(filled, table, fault)
    assert not judge(filled.tables, recipe, KEYS).passed


def test_trace_check_of_an_empty_partition_passes(filled):
    recipe = filled.workspace.recipe()
    for judge in (duplicated_traces, unjudged_traces, machine_failures, unscored_verdicts):
        assert judge(filled.tables, recipe, {"model": "nobody", "temperature": "0.3"}).passed


def canary(number, outcome, *, is_right, verifier="math"):
    return dict.fromkeys(VERIFICATION_CANARIES.schema, "") | {
        "canary_id": f"{verifier}-{number}", "verifier": verifier, "is_right": is_right, "outcome": outcome,
        "verified_at": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    }  # fmt: skip


KNOWN = [canary(1, "as_expected", is_right=True), canary(2, "as_expected", is_right=False)]


@pytest.mark.parametrize(
    ("rows", "passes"),
    [
        pytest.param(KNOWN, True, id="as-expected"),
        pytest.param([*KNOWN, canary(3, "false_accept", is_right=False)], False, id="false-accept"),
        pytest.param([*KNOWN, canary(3, "false_reject", is_right=True)], False, id="false-reject"),
        pytest.param([*KNOWN, canary(3, "unjudged", is_right=True)], True, id="machine-failed-once"),
        pytest.param([canary(row, "unjudged", is_right=row == 1) for row in (1, 2)], False, id="machine-failed-always"),
        pytest.param(
            [*KNOWN, canary(3, "false_accept", is_right=False, verifier="exact")], True, id="kind-of-other-recipes"
        ),
    ],
)
def test_check_of_the_verifiers(filled, rows, passes):
    filled.tables.replace("verification_canaries", VERIFICATION_CANARIES.frame(rows))
    assert verifier_errors(filled.tables, filled.workspace.recipe(), KEYS).passed == passes


def test_check_of_the_verifiers_allows_what_the_recipe_allows(filled):
    rows = [*KNOWN, canary(3, "false_accept", is_right=False)]
    filled.tables.replace("verification_canaries", VERIFICATION_CANARIES.frame(rows))
    filled.write_recipe(verification={"false_accept_limit": 0.5})
    assert verifier_errors(filled.tables, filled.workspace.recipe(), KEYS).passed


def overlapping_benchmark(workspace):
    row = {
        "benchmark": "b",
        "benchmark_row_id": "1",
        "prompt": "mia has 2 red pens and 3 blue pens; how many pens has she",
        "solution": None,
    }
    workspace.tables.replace("benchmark_prompts", BENCHMARK_PROMPTS.frame([row]))


def test_pool_check_finds_overlap_with_a_benchmark(filled):
    check = pool_checks.pool_keeps_clear_of_benchmarks
    assert check(filled.tables, filled.workspace).passed
    overlapping_benchmark(filled)
    assert not check(filled.tables, filled.workspace).passed


def test_pool_check_finds_a_repeated_prompt(filled):
    assert pool_checks.pool_prompts_are_unique(filled.tables).passed
    edit(filled, "prompt_pool", lambda rows: pl.concat([rows, rows.with_columns(prompt_id=pl.lit("other"))]))
    assert not pool_checks.pool_prompts_are_unique(filled.tables).passed


def test_pool_check_warns_when_many_seeds_are_refused(filled):
    result = pool_checks.refused_share_is_low(filled.tables, filled.workspace)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    edit(filled, "prompt_pool_dropped", lambda rows: rows.clear())
    assert pool_checks.refused_share_is_low(filled.tables, filled.workspace).passed


def test_reasoning_data_check_finds_a_trace_that_is_not_correct(filled):
    assert dataset_checks.reasoning_data_is_correct(filled.tables, filled.workspace).passed
    edit(filled, "verified_traces", lambda rows: rows.with_columns(verdict=pl.lit("incorrect")))
    assert not dataset_checks.reasoning_data_is_correct(filled.tables, filled.workspace).passed
    filled.write_recipe(reasoning_data={"traces_per_prompt": 2, "answers": "judged"})
    assert dataset_checks.reasoning_data_is_correct(filled.tables, filled.workspace).passed


def test_mix_check_finds_overlap_with_a_benchmark(filled):
    check = dataset_checks.mix_keeps_clear_of_benchmarks
    assert check(filled.tables, filled.workspace).passed
    overlapping_benchmark(filled)
    assert not check(filled.tables, filled.workspace).passed


def test_mix_check_finds_an_answer_that_quotes_a_solution(filled):
    ten = "one two three four five six seven eight nine ten"
    filled.tables.replace(
        "benchmark_prompts",
        BENCHMARK_PROMPTS.frame(
            [{"benchmark": "b", "benchmark_row_id": "0", "prompt": "Count.", "solution": f"We count {ten}."}]
        ),
    )
    check = dataset_checks.mix_keeps_clear_of_benchmarks
    for content, passed in ((f"<think>\n{ten}\n</think>\n\n5", True), (f"<think>\nx\n</think>\n\n{ten}", False)):
        turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": content}]
        edit(filled, "sft_mix", lambda rows, turns=turns: rows.with_columns(messages=pl.lit(turns)))
        assert check(filled.tables, filled.workspace).passed == passed


def split_by_trace(workspace):
    first = pl.col("trace_id") == "large-0.3-0"
    split = pl.when(first).then(pl.lit("validation")).otherwise(pl.lit("train"))
    edit(workspace, "sft_mix", lambda rows: rows.with_columns(split=split))


def test_mix_check_finds_a_prompt_in_two_splits(filled):
    edit(filled, "sft_mix", lambda rows: rows.with_columns(split=pl.lit("train")))
    assert dataset_checks.no_cluster_is_in_two_splits(filled.tables).passed
    split_by_trace(filled)
    assert not dataset_checks.no_cluster_is_in_two_splits(filled.tables).passed


def test_mix_check_finds_near_duplicates_in_two_splits(filled):
    split_by_trace(filled)
    edit(filled, "sft_mix", lambda rows: rows.with_columns(prompt_id="trace_id"))
    assert dataset_checks.no_cluster_is_in_two_splits(filled.tables).passed
    ids = filled.tables.scan("sft_mix").select("prompt_id").collect()["prompt_id"]
    filled.tables.replace("prompt_clusters", clusters_of(dict.fromkeys(ids, ids[0])))
    assert not dataset_checks.no_cluster_is_in_two_splits(filled.tables).passed


def clusters_of(names):
    rows = [{"prompt_id": prompt, "cluster_id": cluster, "kind": "first"} for prompt, cluster in names.items()]
    return PROMPT_CLUSTERS.frame(rows)


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        pytest.param({}, "without_cluster", id="prompt-without-cluster"),
        pytest.param({"p0": "p0", "gone": "p0"}, "unknown_prompts", id="cluster-of-a-prompt-that-left"),
    ],
)
def test_pool_check_of_clusters(filled, names, fault):
    filled.tables.replace("prompt_clusters", clusters_of({"p0": "p0"}))
    assert pool_checks.pool_prompts_have_one_cluster(filled.tables).passed
    filled.tables.replace("prompt_clusters", clusters_of(names))
    result = pool_checks.pool_prompts_have_one_cluster(filled.tables)
    assert not result.passed
    assert result.metadata[fault].value == 1


GOOD = "<think>\n2+3=5\n</think>\n\nThe answer is 5."


@pytest.mark.parametrize(
    ("turns", "passed"),
    [
        pytest.param([("user", "q"), ("assistant", GOOD)], True, id="good"),
        pytest.param([("user", "q")], False, id="no-answer-turn"),
        pytest.param([("assistant", GOOD), ("user", "q")], False, id="turns-swapped"),
        pytest.param([("user", "q"), ("assistant", "5")], False, id="no-think-block"),
        pytest.param([("user", "q"), ("assistant", GOOD + "</think>")], False, id="closed-twice"),
        pytest.param([("user", "q"), ("assistant", "<think>\n2+3\n</think>\n\n")], False, id="nothing-after"),
    ],
)
def test_mix_check_judges_conversations(filled, turns, passed):
    messages = [{"role": role, "content": content} for role, content in turns]
    edit(
        filled,
        "sft_mix",
        lambda rows: rows.with_columns(messages=pl.Series([messages] * rows.height, dtype=rows.schema["messages"])),
    )
    assert dataset_checks.conversations_are_well_formed(filled.tables).passed == passed
