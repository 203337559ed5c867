"""What automation leaves alone while there is nothing to build data sets from."""

import dagster as dg
import pytest

from openreason_dagster.jobs import DATASET_ASSETS
from openreason_dagster.partitions import MODELS


@pytest.fixture
def requested(small, instance):
    """A function that evaluates every condition once more and names the assets that are asked for."""
    cursor = None

    def tick():
        nonlocal cursor
        result = dg.evaluate_automation_conditions(defs=small.definitions(), instance=instance, cursor=cursor)
        cursor = result.cursor
        keys = small.definitions().resolve_asset_graph().get_all_asset_keys()
        return {key.to_user_string() for key in keys if result.get_num_requested(key)}

    return tick


def test_a_pool_that_nothing_was_sampled_from_leads_to_no_data_set(small, instance, requested):
    requested()
    small.collect(instance)
    assert requested() == set()
    instance.add_dynamic_partitions(MODELS.name, ["starter-base"])
    assert requested() == set()


def test_a_pool_that_changes_after_sampling_leads_to_new_data_sets(small, instance, requested):
    small.collect(instance)
    small.sample("starter-base", instance)
    small.run("build_datasets", instance)
    requested()
    small.run("build_pool", instance)
    assert set(DATASET_ASSETS) <= requested()
