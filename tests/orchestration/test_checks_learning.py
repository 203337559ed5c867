"""Checks of RL prompts and preference pairs pass on a real run and fail on the fault they are there for."""

import polars as pl
import pytest
from finished_run import FINISHED

from openreason_dagster.checks import learning
from openreason_dagster.checks.datasets import release_holds_every_format


def edit(workspace, name, change):
    workspace.tables.replace(name, change(workspace.tables.scan(name).collect()))


def without_first(rows):
    return rows.slice(1)


def first_twice(rows):
    return pl.concat([rows, rows.head(1)])


def other_prompt(rows):
    return rows.with_columns(prompt_id=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("x")).otherwise("prompt_id"))


def swapped(rows):
    return rows.rename({"chosen_trace_id": "rejected_trace_id", "rejected_trace_id": "chosen_trace_id"}).select(
        rows.columns
    )


def other_split(rows):
    return rows.with_columns(split=pl.when(pl.col("split") == "train").then(pl.lit("validation")).otherwise("split"))


@pytest.mark.parametrize(
    ("check", "table", "fault"),
    [
        pytest.param(learning.rl_prompts_and_dropped_are_the_pool, "rl_prompts", without_first, id="prompt-lost"),
        pytest.param(learning.rl_prompts_and_dropped_are_the_pool, "rl_prompts", first_twice, id="prompt-twice"),
        pytest.param(learning.rl_prompts_and_dropped_are_the_pool, "rl_prompts_dropped", other_prompt, id="stranger"),
        pytest.param(learning.pairs_and_dropped_are_the_pool, "preference_pairs_dropped", without_first, id="lost"),
        pytest.param(learning.pairs_are_correct_against_incorrect, "preference_pairs", swapped, id="sides-swapped"),
        pytest.param(learning.pairs_are_correct_against_incorrect, "preference_pairs", other_prompt, id="other-prompt"),
        pytest.param(
            learning.no_cluster_is_in_two_splits_of_any_set, "preference_pairs", other_split, id="split-crossed"
        ),
    ],
)  # fmt: skip
def test_check_passes_then_fails_on_its_fault(finished, check, table, fault):
    assert check(finished.tables).passed
    edit(finished, table, fault)
    assert not check(finished.tables).passed


def test_near_duplicates_in_two_splits_of_two_sets_are_found(finished):
    places = [finished.tables.scan(name).select("prompt_id", "split") for name in ("rl_prompts", "sft_mix")]
    first_of = dict(pl.concat(places).collect().select("split", "prompt_id").unique("split").iter_rows())
    clusters = finished.tables.scan("prompt_clusters").collect()
    joined = pl.when(pl.col("prompt_id").is_in(list(first_of.values()))).then(pl.lit("one")).otherwise("cluster_id")
    finished.tables.replace("prompt_clusters", clusters.with_columns(cluster_id=joined))
    assert sorted(first_of) == ["train", "validation"]
    assert not learning.no_cluster_is_in_two_splits_of_any_set(finished.tables).passed


def test_release_check_finds_a_format_that_lags_behind(finished):
    assert release_holds_every_format(finished.tables, finished.workspace).passed
    edit(finished, "preference_pairs", without_first)
    result = release_holds_every_format(finished.tables, finished.workspace)
    assert not result.passed
    assert "preference: 0 rows of preference_pairs are missing, 1 rows are unknown" in str(result.metadata)


def test_policy_that_the_recipe_does_not_sample_is_refused(finished, instance):
    finished.write_recipe(**FINISHED, rl_prompts={"policy_model": "nobody"})
    result = finished.run("build_datasets", instance, raise_on_error=False)
    (failure,) = result.get_step_failure_events()
    assert "`rl_prompts.policy_model`" in failure.step_failure_data.error.cause.message


def test_samples_of_the_policy_alone_count(finished, instance):
    finished.write_recipe(**FINISHED, rl_prompts={"policy_model": "starter-base", "unknown_rate": "keep"})
    assert finished.run("build_datasets", instance).success
    parts = [finished.tables.scan(name) for name in ("rl_prompts", "rl_prompts_dropped")]
    found = pl.concat([part.select("prompt_id", "samples", "correct") for part in parts]).collect()
    statistics = finished.tables.scan("prompt_statistics").filter(model="starter-base")
    expected = statistics.group_by("prompt_id").agg(pl.col("samples", "correct").sum()).collect()
    assert found.sort("prompt_id").equals(expected.sort("prompt_id"))
