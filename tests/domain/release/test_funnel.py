"""Every row that enters a stage stays or is left out with a reason; what nobody accounts for is said."""

import polars as pl
import pytest
from example_tables import small_run

from openreason_dagster.domain.release.funnel import STAGES, UNKNOWN_REASON, count_funnel
from openreason_dagster.domain.schemas import TABLES

EMPTY = {name: table.frame([]).lazy() for name, table in TABLES.items()}


def known(**changes):
    return EMPTY | small_run() | changes


def reasons(tables):
    return {(stage, reason): rows for stage, reason, rows in count_funnel(tables).reasons.iter_rows()}


def test_rows_in_are_rows_out_and_the_reasons_account_for_the_difference():
    counted = count_funnel(known())
    assert counted.stages["stage"].to_list() == [stage.name for stage in STAGES if not stage.is_optional]
    for stage, entered, rows, left_out in counted.stages["stage", "entered", "rows", "left_out"].iter_rows():
        assert entered - rows == left_out
        assert counted.reasons.filter(stage=stage)["rows"].sum() == left_out


def test_stages_of_the_small_run():
    rows = {
        stage: (entered, left)
        for stage, entered, left in count_funnel(known()).stages["stage", "entered", "rows"].rows()
    }
    assert rows["sampled"] == (26, 26)
    assert rows["judged"] == (26, 22)
    assert rows["correct"] == (22, 8)
    assert rows["reasoning data"] == (8, 4)
    assert rows["SFT mix"] == (4, 3)
    found = reasons(known())
    assert found["judged", "truncated"] == 1
    assert found["judged", "abstained"] == 2
    assert found["correct", "incorrect"] == 14
    assert found["SFT mix", "over_row_limit"] == 1


def test_row_without_a_reason_is_said():
    table = TABLES["sft_mix_dropped"]
    assert not [reason for (stage, reason) in reasons(known()) if (stage, reason) == ("SFT mix", UNKNOWN_REASON)]
    assert reasons(known(sft_mix_dropped=table.frame([]).lazy()))["SFT mix", UNKNOWN_REASON] == 1


def failure(trace_id):
    return {
        "trace_id": trace_id, "prompt_id": "p0", "model": "large", "temperature": "0.3", "sample_index": 0,
        "fingerprint": "f", "error": "timeout", "message": "", "attempts": 3, "run_id": "r",
        "failed_at": small_run()["sampled_traces"].collect()["sampled_at"][0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("failed", "entered"),
    [
        pytest.param(["never-answered"], 27, id="never-answered"),
        pytest.param(["never-answered", "never-answered"], 27, id="failed-twice"),
        pytest.param(["large-0.3-0"], 26, id="answered-later"),
    ],
)
def test_requests_that_failed_count_once_unless_answered_later(failed, entered):
    failures = TABLES["sampling_failures"].frame([failure(name) for name in failed]).lazy()
    stages = count_funnel(known(sampling_failures=failures)).stages
    assert stages.filter(stage="sampled")["entered", "rows"].row(0) == (entered, 26)
    assert reasons(known(sampling_failures=failures)).get(("sampled", "timeout"), 0) == entered - 26


def test_nothing_has_empty_stages():
    counted = count_funnel(EMPTY)
    assert counted.stages.select(pl.col("entered", "rows", "left_out").sum()).row(0) == (0, 0, 0)
    assert counted.reasons.is_empty()
