"""Two recipes in one root keep to themselves, and nothing of earlier settings is lost before the new is complete."""

from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest
from example_tables import small_run
from small_workspace import starter_entry

from openreason_dagster.assets.datasets import reasoning_data, sft_mix
from openreason_dagster.assets.references import suspect_references
from openreason_dagster.assets.release import dataset_report, release
from openreason_dagster.assets.statistics import prompt_statistics
from openreason_dagster.checks.traces import machine_failures, unscored_verdicts
from openreason_dagster.commands.status import partition_statuses
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.schemas import SAMPLING_PLANS, TABLES
from openreason_dagster.resources.judging import judge_of, verify_partition
from openreason_dagster.resources.scope import recipe_tables, require_own

EIGHT = {"samples_per_prompt": 8, "max_tokens": 120}
KEYS = {"model": "starter-base", "temperature": "0.3"}


@pytest.fixture
def filled(small):
    """Example tables of one model with a plan of the recipe `small`."""
    small.write_recipe(temperatures=[0.3], sampling=EIGHT)
    for name, rows in small_run().items():
        renamed = rows.collect()
        if "model" in renamed.columns:
            renamed = renamed.with_columns(model=pl.col("model").replace("large", "starter-base"))
        small.tables.replace(name, renamed)
    put_plan(small, "f" * 32)
    return small


def put_plan(small, fingerprint, recipe="small"):
    row = {
        "recipe": recipe, **KEYS, "fingerprint": fingerprint, "sampling_record": '{"top_p": 0.5}', "planned": 8,
        "planned_at": datetime.now(UTC),
    }  # fmt: skip
    small.tables.replace("sampling_plans", SAMPLING_PLANS.frame([row]), recipe=recipe)


def counts(small):
    scoped = recipe_tables(small.tables, small.workspace)
    return {name: scoped[name].select(pl.len()).collect().item() for name in ("sampled_traces", "verified_traces")}


def test_scope_holds_the_traces_of_the_plan(filled):
    assert counts(filled) == {"sampled_traces": 8, "verified_traces": 8}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda small: put_plan(small, "other"), id="plan-names-other-settings"),
        pytest.param(lambda small: small.write_recipe(name="second", temperatures=[0.3]), id="another-recipe"),
        pytest.param(lambda small: small.write_recipe(temperatures=[1.2]), id="temperature-not-in-the-recipe"),
        pytest.param(lambda small: small.write_recipe(temperatures=[0.3], models=["x*"]), id="model-not-selected"),
        pytest.param(
            lambda small: small.tables.replace(
                "prompt_pool", small.tables.scan("prompt_pool").with_columns(prompt_id=pl.lit("q")).collect()
            ),
            id="prompt-not-in-the-pool",
        ),
    ],
)
def test_scope_leaves_out_what_is_not_the_recipes(filled, change):
    change(filled)
    assert counts(filled) == {"sampled_traces": 0, "verified_traces": 0}


def test_scope_follows_the_number_of_samples_down(filled):
    filled.write_recipe(temperatures=[0.3], sampling=EIGHT | {"samples_per_prompt": 3})
    assert counts(filled) == {"sampled_traces": 3, "verified_traces": 3}


def test_scope_holds_scores_of_the_recipes_reward_models_and_responses(filled):
    filled.write_recipe(temperatures=[0.3], sampling=EIGHT, rewards={"helpful": {"model": "kind"}})
    row = KEYS | {"prompt_id": "p0", "tokens": 1, "is_truncated": False, "revision": "1", "fingerprint": "f"}
    scores = [
        row | {"trace_id": trace_id, "reward": reward, "scorer": scorer, "score": 1.0}
        for trace_id, reward, scorer in (
            ("large-0.3-0", "helpful", "kind"), ("large-0.3-1", "helpful", "earlier"),
            ("large-0.3-2", "safety", "kind"), ("gone", "helpful", "kind"),
        )
    ]  # fmt: skip
    filled.tables.append("model_rewards", TABLES["model_rewards"].frame(scores))
    scoped = recipe_tables(filled.tables, filled.workspace)["model_rewards"]
    assert scoped.select("trace_id").collect()["trace_id"].to_list() == ["large-0.3-0"]


def test_checks_judge_pool_prompts_only(filled):
    pool = filled.tables.scan("prompt_pool").with_columns(prompt_id=pl.lit("q")).collect()
    filled.tables.replace("prompt_pool", pool)
    filled.tables.replace("scored_traces", filled.tables.scan("scored_traces").collect().clear())
    recipe = filled.workspace.recipe()
    assert unscored_verdicts(filled.tables, recipe, KEYS).passed
    assert machine_failures(filled.tables, recipe, KEYS).passed


@pytest.mark.parametrize(
    "job_asset", [reasoning_data, sft_mix, prompt_statistics, suspect_references, release, dataset_report]
)
def test_data_sets_are_not_built_from_another_recipes_pool(filled, job_asset):
    before = filled.tables.scan("reasoning_data").collect()
    pool = filled.tables.scan("prompt_pool").with_columns(source=pl.lit("gsm8k")).collect()
    filled.tables.replace("prompt_pool", pool)
    with pytest.raises(RecipeError, match="prompt_pool was built for another recipe"):
        dg.materialize([job_asset], resources={"tables": filled.tables, "workspace": filled.workspace})
    assert filled.tables.scan("reasoning_data").collect().equals(before)


def test_status_names_the_setting_that_differs_from_the_plan_in_effect(filled):
    (status,) = [each for each in partition_statuses(filled.tables, filled.workspace) if each.temperature == "0.3"]
    assert status.state == "stale"
    assert status.stale == 8
    assert "top_p" in status.stale_because


def test_pool_of_another_recipe_is_refused(filled):
    recipe = filled.workspace.recipe()
    require_own("prompt_pool", filled.tables, recipe)
    filled.tables.replace(
        "prompt_pool", filled.tables.scan("prompt_pool").with_columns(source=pl.lit("gsm8k")).collect()
    )
    with pytest.raises(RecipeError, match="gsm8k"):
        require_own("prompt_pool", filled.tables, recipe)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda rows: pl.concat([rows, rows.head(3)]), id="judged-twice-by-two-runs"),
        pytest.param(lambda rows: rows.with_columns(verdict=pl.lit("error")), id="machine-failed"),
        pytest.param(lambda rows: rows.with_columns(verdict=pl.lit("timeout")), id="machine-was-slow"),
        pytest.param(lambda rows: rows.with_columns(verifier_version=pl.lit("math-0")), id="older-verifier"),
        pytest.param(lambda rows: rows.with_columns(reference_answer=pl.lit("6")), id="other-reference"),
        pytest.param(lambda rows: rows.head(2), id="some-missing"),
    ],
)
def test_verification_mends_what_an_earlier_run_left(filled, fault):
    with judge_of(filled.workspace.recipe().verification) as judge:
        verify_partition(filled.tables, judge, **KEYS)
        good = filled.tables.scan("verified_traces", **KEYS).collect()
        filled.tables.replace("verified_traces", fault(good), **KEYS)
        verify_partition(filled.tables, judge, **KEYS)
        mended = filled.tables.scan("verified_traces", **KEYS).collect()
        assert verify_partition(filled.tables, judge, **KEYS) == 0
    compared = ["trace_id", "verdict", "reference_answer", "verifier_version"]
    assert mended.select(compared).sort("trace_id").equals(good.select(compared).sort("trace_id"))


def test_a_program_that_used_up_its_time_is_not_run_again(filled):
    slow = pl.lit("timeout").alias("verdict"), pl.lit("code/calls").alias("method")
    with judge_of(filled.workspace.recipe().verification) as judge:
        verify_partition(filled.tables, judge, **KEYS)
        rows = filled.tables.scan("verified_traces", **KEYS).collect().with_columns(*slow)
        filled.tables.replace("verified_traces", rows, **KEYS)
        assert verify_partition(filled.tables, judge, **KEYS) == 0


def test_verdicts_of_prompts_outside_the_pool_stay(filled):
    before = filled.tables.scan("verified_traces", **KEYS).collect().height
    filled.tables.replace(
        "prompt_pool", filled.tables.scan("prompt_pool").with_columns(prompt_id=pl.lit("q")).collect()
    )
    with judge_of(filled.workspace.recipe().verification) as judge:
        verify_partition(filled.tables, judge, **KEYS)
    assert filled.tables.scan("verified_traces", **KEYS).collect().height == before


def test_settings_whose_requests_fail_do_not_take_the_place_of_good_ones(small, instance):
    small.write_recipe(temperatures=[0.3])
    small.collect(instance)
    assert small.sample("starter-base", instance).success
    before = counts(small)["sampled_traces"]
    assert before > 0
    system_prompt = "word " * 4000  # longer than the model's context: every request fails
    small.write_recipe(
        temperatures=[0.3], sampling={"samples_per_prompt": 4, "max_tokens": 120, "system_prompt": system_prompt}
    )
    result = small.sample("starter-base", instance, raise_on_error=False)
    assert not result.success
    assert counts(small)["sampled_traces"] == before
    failed = small.tables.scan("sampling_failures").collect()
    assert set(failed["error"]) == {"prompt_too_long"}


def test_two_recipes_share_a_root_without_losing_traces(small, instance):
    small.write_recipe(temperatures=[0.3])
    small.collect(instance)
    small.sample("starter-base", instance)
    first = counts(small)["sampled_traces"]
    small.write_recipe(name="second", temperatures=[0.3], sampling={"samples_per_prompt": 1, "max_tokens": 60})
    small.sample("starter-base", instance)
    assert counts(small)["sampled_traces"] == first / 4
    small.write_recipe(temperatures=[0.3])
    assert counts(small)["sampled_traces"] == first


def test_source_with_too_many_unusable_rows_fails_and_keeps_them(small, instance):
    rows = "".join(f'{{"question": "What is {n} + 1?", "answer": {"null" if n else 1}}}\n' for n in range(10))
    (small.folder / "rows.jsonl").write_text(rows)
    source = {
        "name": "rows", "kind": "file", "path": "rows.jsonl", "license": "MIT", "domain": "math", "verifier": "math",
        "columns": {"prompt": "question", "answer": "answer"},
    }  # fmt: skip
    small.write_recipe(sources=[source])
    result = small.run(
        "collect_seeds",
        instance,
        {"dagster/asset_partition_range_start": "rows", "dagster/asset_partition_range_end": "rows"},
        raise_on_error=False,
    )
    assert not result.success
    assert small.tables.scan("seed_prompts_dropped").collect().height == 9


def test_second_model_is_listed_once_per_temperature(small, instance):
    small.write_model(starter_entry("another", weights="starter-small"))
    small.collect(instance)
    statuses = partition_statuses(small.tables, small.workspace)
    assert [(status.model, status.temperature) for status in statuses] == [
        ("another", "0.3"), ("another", "1.2"), ("starter-base", "0.3"), ("starter-base", "1.2"),
    ]  # fmt: skip
    assert {status.state for status in statuses} == {"not sampled"}
