"""What the report shows equals what the tables hold, within bounds."""

import polars as pl
import pytest
from example_tables import VERDICTS, small_run

from openreason_dagster.domain.release.report_data import Totals, collect_report_data
from openreason_dagster.domain.schemas import TABLES

DATA = collect_report_data(small_run(), title="Sums", description="")


def test_totals_count_rows() -> None:
    assert Totals(
        seed_prompts=4, prompt_pool=1, sampled=26, judged=22, correct=8, kept=4, mix_train=2, mix_validation=1,
        completion_tokens=3 * sum(range(10, 18)), prompts_sampled=1, prompts_solved=1,
    ) == DATA.totals  # fmt: skip


def test_pass_rates_leave_unknown_verdicts_out() -> None:
    assert DATA.pass_rates.rows() == [
        ("large", "0.3", 8, 7, 5, 5 / 7),
        ("large", "1.2", 8, 7, 2, 2 / 7),
        ("small", "0.3", 8, 8, 1, 1 / 8),
        ("small", "imported", 2, 0, 0, None),
    ]


def test_verdicts_are_counted_per_partition() -> None:
    found = {(model, temperature, verdict): traces for model, temperature, verdict, traces in DATA.verdicts.iter_rows()}
    assert found == {(*key, word): words.count(word) for key, words in VERDICTS.items() for word in words}


def test_pass_at_k_has_no_row_without_an_estimate() -> None:
    assert DATA.pass_at_k.filter(model="large").rows() == [
        ("large", "0.3", 1, 0.5, 1),
        ("large", "0.3", 2, 0.75, 1),
        ("large", "0.3", 4, 1.0, 1),
    ]


def test_temperatures_are_ordered_as_numbers() -> None:
    verified = TABLES["verified_traces"].frame([])
    rows = pl.concat([small_run()["verified_traces"].collect(), verified]).with_columns(model=pl.lit("one"))
    rows = rows.with_columns(
        temperature=pl.when(pl.col("temperature") == "1.2").then(pl.lit("10.0")).otherwise("temperature")
    )
    rows = rows.with_columns(
        temperature=pl.when(pl.col("verdict") == "timeout").then(pl.lit("2.0")).otherwise("temperature")
    )
    data = collect_report_data({"verified_traces": rows.lazy()}, title="", description="")
    assert data.pass_rates["temperature"].to_list() == ["0.3", "2.0", "10.0", "imported"]


@pytest.mark.parametrize("values", [[0.1, 0.2, 0.3], [3.0, 3.0], [-1.0, 0.7, 2.5], [0.0, 29_999.0, 30_000.0], [0.25]])
def test_every_value_is_in_its_bin(values: list[float]) -> None:
    row = {"prompt_id": "p", "model": "m", "temperature": "1.0", "reward_accuracy": 1.0, "reward_format": 1.0}
    rows = [row | {"trace_id": str(i), "reasoning_words": 1, "reward_total": v} for i, v in enumerate(values)]
    scored = TABLES["scored_traces"].frame(rows).lazy()
    bins = collect_report_data({"scored_traces": scored}, title="", description="").reward_totals
    assert bins["traces"].sum() == len(values)
    assert len(bins) <= 31
    for value in values:
        inside = (bins["start"] <= value + 1e-6) & (value < bins["start"] + bins["width"] + 1e-6)
        assert inside.any()


def test_what_was_left_out_is_counted_by_reason() -> None:
    counts = {(stage, reason): rows for stage, reason, rows in DATA.left_out["what", "reason", "rows"].iter_rows()}
    assert counts["Seed prompts kept out of the pool", "duplicate"] == 2
    assert counts["Seed prompts kept out of the pool", "contaminated"] == 1
    assert counts["Traces left out by rejection sampling", "not_correct"] == 22


def test_tables_that_are_missing_count_as_empty() -> None:
    data = collect_report_data({}, title="Nothing", description="")
    assert data.totals.sampled == 0
    assert data.traces.is_empty()
