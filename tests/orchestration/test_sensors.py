"""Sensors ask for exactly one run per new catalogue file and, where the recipe says so, per changed setting."""

import dagster as dg
import polars as pl
import pytest
from example_tables import small_run
from small_workspace import starter_entry

from openreason_dagster.partitions import MODELS
from openreason_dagster.sensors import is_stale, new_model_names, new_models, stale_models


@pytest.mark.parametrize(
    ("selected", "known", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param(["b", "a"], [], ["b", "a"], id="catalogue-order"),
        pytest.param(["a", "b"], ["a"], ["b"], id="known-ones-are-left-out"),
        pytest.param(["a"], ["a", "gone"], [], id="removed-model-is-no-news"),
    ],
)
def test_new_model_names(selected, known, expected):
    assert new_model_names(selected, known) == expected


def tick(small, instance):
    """One evaluation of the sensor; what it asks for is done to the instance, as the daemon would."""
    context = dg.build_sensor_context(
        instance=instance, resources={"workspace": small.workspace, "tables": small.tables}
    )
    result = new_models(context)
    for request in getattr(result, "dynamic_partitions_requests", None) or []:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def build_pool(small, source="sums"):
    rows = small_run()["prompt_pool"].collect().with_columns(source=pl.lit(source))
    small.tables.replace("prompt_pool", rows)


def test_sensor_waits_for_the_pool(small, instance):
    result = tick(small, instance)
    assert isinstance(result, dg.SkipReason)
    assert "prompt_pool" in result.skip_message
    assert instance.get_dynamic_partitions(MODELS.name) == []


def test_new_file_becomes_a_partition_and_one_run_over_all_temperatures(small, instance):
    build_pool(small)
    (request,) = tick(small, instance).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "starter-base|0.3"
    assert request.tags["dagster/asset_partition_range_end"] == "starter-base|1.2"
    assert instance.get_dynamic_partitions(MODELS.name) == ["starter-base"]
    assert isinstance(tick(small, instance), dg.SkipReason), "the same file again is no news"

    small.write_model(starter_entry("another"))
    (request,) = tick(small, instance).run_requests
    assert request.run_key == "new-model:another"
    assert instance.get_dynamic_partitions(MODELS.name) == ["starter-base", "another"]


def test_broken_file_is_looked_at_again_when_it_is_mended(small, instance):
    build_pool(small)
    tick(small, instance)
    path = small.settings.catalogue / "another.yaml"
    path.write_text("name: another\nengine: ")
    assert "another.yaml" in tick(small, instance).skip_message
    assert instance.get_dynamic_partitions(MODELS.name) == ["starter-base"]
    small.write_model(starter_entry("another"))
    assert len(tick(small, instance).run_requests) == 1


def test_pool_of_another_recipe_is_not_sampled(small, instance):
    build_pool(small, source="gsm8k")
    assert "another recipe (gsm8k)" in tick(small, instance).skip_message


def test_file_that_the_recipe_does_not_select_is_left_alone(small, instance):
    build_pool(small)
    small.write_recipe(models=["*", "!starter-base"])
    assert isinstance(tick(small, instance), dg.SkipReason)


def test_what_the_sensor_asks_for_can_be_run(small, instance):
    small.collect(instance)
    (request,) = tick(small, instance).run_requests
    assert small.run("sample_model", instance, dict(request.tags)).success
    sampled = small.tables.scan("sampled_traces").collect()
    assert set(sampled["temperature"]) == {"0.3", "1.2"}


@pytest.mark.parametrize(
    ("wanted", "in_effect", "expected"),
    [
        pytest.param({"0.3": "a"}, {}, False, id="never-sampled"),
        pytest.param({"0.3": "a"}, {"0.3": "a"}, False, id="same-settings"),
        pytest.param({"0.3": "a"}, {"0.3": "b"}, True, id="other-settings"),
        pytest.param({"0.3": "a"}, {"1.2": "b"}, False, id="temperature-no-longer-wanted"),
        pytest.param({"0.3": "a", "1.2": "a"}, {"0.3": "a", "1.2": "b"}, True, id="one-of-two"),
    ],
)
def test_is_stale(wanted, in_effect, expected):
    assert is_stale(wanted, in_effect) is expected


def tick_stale(small, instance, cursor=None):
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"workspace": small.workspace, "tables": small.tables}
    )
    return stale_models(context)


def test_changed_settings_lead_to_one_run_where_the_recipe_says_so(finished, instance):
    models = finished.workspace.selected_models()
    instance.add_dynamic_partitions(MODELS.name, models)
    sampling = {"samples_per_prompt": 4, "max_tokens": 120, "commit_rows": 16}
    finished.write_recipe(sampling=sampling | {"refresh": "automatic"})
    assert "no partition is stale" in tick_stale(finished, instance).skip_message
    finished.write_recipe(sampling=sampling | {"top_p": 0.9})
    assert "by_command" in tick_stale(finished, instance).skip_message

    finished.write_recipe(sampling=sampling | {"top_p": 0.9, "refresh": "automatic"})
    first = tick_stale(finished, instance)
    assert [request.tags["dagster/asset_partition_range_start"] for request in first.run_requests] == [
        f"{name}|0.3" for name in models
    ]
    plans = finished.tables.scan("sampling_plans").with_columns(pl.col("planned_at") + pl.duration(days=1)).collect()
    finished.tables.replace("sampling_plans", plans)  # as a run does that finishes one of two temperatures
    assert isinstance(tick_stale(finished, instance, first.cursor), dg.SkipReason), (
        "asked for once, whatever came of it"
    )

    finished.write_recipe(sampling=sampling | {"top_p": 0.8, "refresh": "automatic"})
    second = tick_stale(finished, instance, first.cursor)
    assert len(second.run_requests) == len(models)
    finished.write_recipe(sampling=sampling | {"top_p": 0.9, "refresh": "automatic"})
    assert len(tick_stale(finished, instance, second.cursor).run_requests) == len(models), "going back is a change too"


def test_a_model_that_cannot_be_used_holds_no_other_back(finished, instance):
    models = finished.workspace.selected_models()
    instance.add_dynamic_partitions(MODELS.name, models)
    (finished.settings.catalogue / f"{models[0]}.yaml").write_text("engine: [", encoding="utf-8")
    finished.write_recipe(sampling={"samples_per_prompt": 4, "max_tokens": 120, "top_p": 0.9, "refresh": "automatic"})
    requests = tick_stale(finished, instance).run_requests
    assert len(requests) == len(models) - 1
