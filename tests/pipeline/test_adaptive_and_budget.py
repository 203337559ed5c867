"""Rounds and budgets in real runs of the starter: what is asked, what is spent, and what the tables say of it."""

import dagster as dg
import polars as pl
import pytest
from small_workspace import starter_entry, workspace_with_starter

from openreason_dagster.commands.status import partition_statuses
from openreason_dagster.definitions import build_definitions
from openreason_dagster.domain.catalogue_entry import DatasetModel
from openreason_dagster.domain.recipe_sampling import Adaptive
from openreason_dagster.domain.release.costs import sampling_costs
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.ledger import allowance
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.scope import recipe_tables

ROUNDS = {
    "first_round": 2, "round": 2, "maximum": 8, "enough_correct": 2, "lowest_pass_rate": 0.05, "confidence": 0.8,
}  # fmt: skip
SAMPLING = {"max_tokens": 120, "commit_rows": 16}


def sampled(small):
    return small.tables.scan("sampled_traces").sort("trace_id").collect()


def ledger(small):
    sums = small.tables.scan("sampling_ledger").select(pl.col("traces", "completion_tokens", "seconds", "money").sum())
    return sums.collect().row(0, named=True)


@pytest.fixture(scope="module")
def rounds(tmp_path_factory):
    """Sampled in rounds; read only."""
    small = workspace_with_starter(tmp_path_factory.mktemp("rounds"))
    small.write_recipe(sampling=SAMPLING | {"adaptive": ROUNDS})
    with dg.DagsterInstance.ephemeral() as instance:
        small.collect(instance)
        small.sample("starter-base", instance)
    return small


def test_every_prompt_has_the_samples_that_the_rule_asks_for(rounds):
    rule = Adaptive(**ROUNDS).rule
    traces = rounds.tables.scan("sampled_traces").join(
        rounds.tables.scan("verified_traces").select("trace_id", "is_correct"), on="trace_id"
    )
    by_prompt = traces.sort("sample_index").group_by("temperature", "prompt_id").agg("sample_index", "is_correct")
    counts = set()
    for _, _, indices, verdicts in by_prompt.collect().iter_rows():
        assert indices == list(range(len(indices)))
        assert rule.samples_asked([verdict is True for verdict in verdicts]) == len(indices)
        counts.add(len(indices))
    assert len(counts) > 1, "easy and hard prompts get different numbers"


def test_a_finished_run_asks_nothing_more(rounds, instance, tmp_path):
    again = rounds.copied_to(tmp_path / "again")
    again.sample("starter-base", instance)
    assert sampled(again).equals(sampled(rounds))
    assert {status.state for status in partition_statuses(again.tables, again.workspace)} == {"complete"}


def test_verdicts_of_rounds_are_not_found_twice(rounds):
    verdicts = rounds.tables.scan("verified_traces").collect()
    assert verdicts.height == verdicts["trace_id"].n_unique() == sampled(rounds).height


def test_the_ledger_adds_up_to_the_traces(rounds):
    spent, traces = ledger(rounds), sampled(rounds)
    assert spent["traces"] == traces.height
    assert spent["completion_tokens"] == traces["completion_tokens"].sum()
    assert spent["seconds"] > 0
    costs = sampling_costs(recipe_tables(rounds.tables, rounds.workspace))
    assert costs["temperature"].to_list() == ["0.3", "1.2"]
    assert costs["traces"].sum() == traces.height


def test_a_budget_ends_a_run_cleanly_and_the_next_goes_on(small, instance):
    small.write_recipe(sampling=SAMPLING | {"samples_per_prompt": 4}, budget={"run": {"tokens": 900}})
    small.collect(instance)
    result = small.sample("starter-base", instance)
    first = sampled(small)
    assert 780 < first["completion_tokens"].sum() <= 900, "never over the limit, and less than one request under it"
    (event,) = [
        event
        for event in result.asset_materializations_for_node("sampled_traces")
        if event.partition == "starter-base|1.2"
    ][-1:]
    assert event.metadata["partial"].value == 1
    assert event.metadata["stopped_by"].value == "budget.run.tokens"
    statuses = {status.temperature: status for status in partition_statuses(small.tables, small.workspace)}
    assert (statuses["1.2"].state, statuses["1.2"].failed) == ("not sampled", 0)

    small.write_recipe(sampling=SAMPLING | {"samples_per_prompt": 4})
    small.sample("starter-base", instance)
    assert first["trace_id"].is_in(sampled(small)["trace_id"].implode()).all()
    assert {status.state for status in partition_statuses(small.tables, small.workspace)} == {"complete"}


def test_money_counts_over_runs(small, instance):
    small.write_model(starter_entry("starter-base") | {"price": {"output_per_million": 1000.0}})
    small.write_recipe(sampling=SAMPLING | {"samples_per_prompt": 4}, budget={"model": {"money": 0.9}})
    small.collect(instance)
    small.sample("starter-base", instance)
    spent = ledger(small)
    assert spent["money"] == pytest.approx(spent["completion_tokens"] / 1000)
    assert spent["money"] <= 0.9
    small.sample("starter-base", instance)
    assert ledger(small)["money"] <= 0.9


class Heard(ProgressListener):
    acceptance: float | None = None

    def advanced(self, model, progress, *, money, acceptance):
        self.acceptance = acceptance


def test_acceptance_is_told_while_a_fixed_number_is_sampled(small, instance):
    small.write_recipe(sampling=SAMPLING | {"samples_per_prompt": 2})
    small.collect(instance)
    instance.add_dynamic_partitions(MODELS.name, ["starter-base"])
    heard, tags = Heard(), range_tags("starter-base", small.workspace.recipe())
    job = build_definitions(small.settings, resources={"progress": heard}).resolve_job_def("sample_model")
    job.execute_in_process(instance=instance, tags=tags)
    verdicts = small.tables.scan("verified_traces").select(pl.col("is_correct").fill_null(value=False)).collect()
    assert heard.acceptance == pytest.approx(verdicts["is_correct"].mean())


def test_a_limit_in_another_currency_is_refused(small, instance):
    small.write_recipe(sampling=SAMPLING | {"samples_per_prompt": 1}, budget={"currency": "EUR", "run": {"money": 1.0}})
    small.collect(instance)
    result = small.sample("starter-base", instance, raise_on_error=False)
    (failure, *_) = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    assert "budget.currency" in str(failure.step_failure_data.error.cause or failure.step_failure_data.error)


def test_imported_traces_take_nothing_from_a_budget(small):
    entry = DatasetModel.from_values(
        {
            "name": "theirs", "engine": "dataset", "path": "traces.jsonl", "revision": "1", "license": "MIT",
            "columns": {"prompt": "p", "completions": "c"},
        },
        path=None,
    )  # fmt: skip
    small.write_recipe(budget={"run": {"tokens": 1, "seconds": 0.001}})
    imports = allowance(small.tables, small.workspace.recipe(), entry)
    assert not imports.is_time_over()


def test_a_spent_budget_loads_no_weights_and_keeps_the_record_of_failures(small, instance):
    small.write_recipe(sampling=SAMPLING | {"samples_per_prompt": 4}, budget={"model": {"tokens": 119}})
    small.write_model(starter_entry("starter-base") | {"path": str(small.folder)})  # a folder without weights
    small.collect(instance)
    result = small.sample("starter-base", instance)
    assert result.success
    assert small.tables.scan("sampled_traces").collect().is_empty()
