"""Every row that enters a stage stays or is left out with a reason; what nobody accounts for is said."""

import polars as pl
import pytest
from example_tables import small_run

from openreason_dagster.domain.release.funnel import UNKNOWN_REASON, count_funnel, stages
from openreason_dagster.domain.schemas import TABLES

EMPTY = {name: table.frame([]).lazy() for name, table in TABLES.items()}


def known(**changes):
    return EMPTY | small_run() | changes


def reasons(tables):
    return {(stage, reason): rows for stage, reason, rows in count_funnel(tables).reasons.iter_rows()}


def test_rows_in_are_rows_out_and_the_reasons_account_for_the_difference():
    counted = count_funnel(known())
    assert counted.stages["stage"].to_list() == [stage.name for stage in stages("correct") if not stage.is_optional]
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


@pytest.mark.parametrize(
    ("answers", "kept", "trace_stages"),
    [
        pytest.param("correct", ["correct"], [("judged", 26, 22), ("correct", 22, 8), ("reasoning data", 8, 8)]),
        pytest.param("judged", ["correct", "incorrect"], [("judged", 26, 22), ("reasoning data", 22, 22)]),
        pytest.param("any", ["correct", "incorrect", "abstained", "timeout"], [("reasoning data", 26, 25)]),
    ],
)
def test_verdicts_are_a_step_only_where_the_recipe_leaves_answers_out_by_them(answers, kept, trace_stages):
    verdicts = known()["verified_traces"].collect()
    keys = verdicts.select("trace_id", "prompt_id", "model", "temperature", "verdict").to_dicts()
    values = {"domain": "math", "reward_total": 1.0, "rank": 1, "reason": "truncated"}
    tables = {
        name: TABLES[name]
        .frame({field: (row | values)[field] for field in TABLES[name].schema.names()} for row in rows)
        .lazy()
        for name, rows in {
            "reasoning_data": [row for row in keys if row["verdict"] in kept],
            "reasoning_data_dropped": [row for row in keys if row["verdict"] not in kept],
        }.items()
    }
    counted = count_funnel(known(**tables), answers=answers)
    traces = counted.stages.filter((pl.col("unit") == "traces") & (pl.col("stage") != "sampled"))
    assert traces["stage", "entered", "rows"].rows() == trace_stages
    assert counted.reasons.filter(pl.col("stage") == "reasoning data")["reason"].to_list() == (
        ["truncated"] if answers == "any" else []
    )


def test_non_reasoning_row_that_is_lost_is_said():
    chat = TABLES["chat_sft_data"].frame([
        {
            "conversation_id": "c", "prompt_id": "p", "source": "talks", "source_row_id": "0", "domain": "general",
            "language": "en", "license": "MIT", "quality": None, "turns": 2, "characters": 9, "messages": [],
        }
    ])  # fmt: skip
    assert reasons(known(chat_sft_data=chat.lazy()))["non-reasoning data", UNKNOWN_REASON] == 1


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
