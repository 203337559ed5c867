"""What automation asks for after real runs, evaluated without a daemon."""

import dagster as dg
import polars as pl
import pytest
from small_workspace import QUIET, starter_entry

from openreason_dagster.jobs import DATASET_ASSETS
from openreason_dagster.partitions import MODELS, range_tags

MODEL = "starter-base"
SAMPLED = dg.AssetKey("sampled_traces")
CHECK = dg.AssetCheckKey(SAMPLED, "sampled_traces_are_unique")


class Automation:
    """Evaluations one after the other, each going on from the last."""

    def __init__(self, workspace, instance):
        self.workspace = workspace
        self.instance = instance
        self.cursor = None

    def tick(self):
        """What is asked for now: asset name to partition keys, None for an asset without partitions."""
        defs = self.workspace.definitions()
        result = dg.evaluate_automation_conditions(defs=defs, instance=self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        assets = defs.resolve_asset_graph().get_all_asset_keys()
        found = {asset.to_user_string(): result.get_requested_partitions(asset) for asset in assets}
        return {name: {str(key) if key else None for key in keys} for name, keys in found.items() if keys}


@pytest.fixture
def automation(small, instance):
    small.collect(instance)
    instance.add_dynamic_partitions(MODELS.name, [MODEL])
    automation = Automation(small, instance)
    automation.tick()
    return automation


def test_a_sampled_model_leads_to_one_rebuild_of_what_is_built_on_it(small, instance, automation):
    small.sample(MODEL, instance)
    assert automation.tick() == {name: {None} for name in DATASET_ASSETS}
    small.run("build_datasets", instance)
    assert automation.tick() == {}


def test_a_registered_model_that_was_never_sampled_holds_nothing_back(small, instance, automation):
    small.write_model(starter_entry("silent"))
    instance.add_dynamic_partitions(MODELS.name, ["silent"])
    small.sample(MODEL, instance)
    assert set(automation.tick()) == set(DATASET_ASSETS)


def break_partition(small, temperature):
    """Another tool writes the rows of one partition a second time."""
    rows = small.tables.scan("sampled_traces", temperature=temperature).collect()
    small.tables.append("sampled_traces", rows)


def run_some(small, instance, *assets):
    """Some assets of the model's job over all temperatures, as somebody may launch them in the web UI."""
    return (
        small.definitions()
        .resolve_job_def("sample_model")
        .execute_in_process(
            instance=instance,
            tags=range_tags(MODEL, small.workspace.recipe()),
            asset_selection=[dg.AssetKey(name) for name in assets],
            run_config=QUIET,
            raise_on_error=False,
        )
    )


def evaluations_by_partition(instance):
    """The latest evaluation of the check per partition."""
    records = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=20)
    latest = {}
    for record in records:
        evaluation = record.event.asset_check_evaluation if record.event else None
        if evaluation is not None and evaluation.partition is not None:
            latest.setdefault(evaluation.partition, evaluation.passed)
    return latest


def test_traces_sampled_outside_the_usual_job_are_verified_and_scored(small, instance, automation):
    assert run_some(small, instance, "sampled_traces").success
    keys = {f"{MODEL}|0.3", f"{MODEL}|1.2"}
    assert automation.tick()["verified_traces"] == keys
    assert run_some(small, instance, "verified_traces").success
    assert automation.tick()["scored_traces"] == keys
    assert run_some(small, instance, "scored_traces").success
    assert not {"verified_traces", "scored_traces"} & set(automation.tick())


def test_a_failed_check_holds_back_its_own_partition_and_no_other(small, instance, automation):
    assert run_some(small, instance, "sampled_traces").success
    assert automation.tick()["verified_traces"] == {f"{MODEL}|0.3", f"{MODEL}|1.2"}
    automation.tick()
    assert evaluations_by_partition(instance) == {f"{MODEL}|0.3": True, f"{MODEL}|1.2": True}

    break_partition(small, "0.3")
    assert not run_some(small, instance, "sampled_traces").success
    assert evaluations_by_partition(instance) == {f"{MODEL}|0.3": False, f"{MODEL}|1.2": True}
    assert automation.tick()["verified_traces"] == {f"{MODEL}|1.2"}


def test_a_failed_check_stops_the_rest_of_its_own_run(small, instance, automation):
    small.sample(MODEL, instance)
    judged = small.tables.version("verified_traces")
    break_partition(small, "1.2")
    result = small.sample(MODEL, instance, raise_on_error=False)
    assert not result.success
    assert small.tables.version("verified_traces") == judged
    failed = [each.check_name for each in result.get_asset_check_evaluations() if not each.passed]
    assert set(failed) == {CHECK.name}
    assert small.tables.scan("sampled_traces").filter(pl.col("temperature") == "0.3").collect().height > 0
