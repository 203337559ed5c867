import datetime

import polars as pl
import pytest

from openreason_dagster.domain.release.judge_agreement import judge_agreement, judge_disagreements
from openreason_dagster.domain.schemas import JUDGE_VERDICTS

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def evidence(*pairs):
    return JUDGE_VERDICTS.frame(
        {
            "trace_id": f"t{number}", "prompt_id": "p", "model": "m", "temperature": "0.6", "rule_verdict": rule,
            "judge_verdict": judge, "verdict": judge, "judge_model": "j", "first_pass": judge, "analysis": "x" * 999,
            "subject_id": "s", "judged_at": NOW,
        }
        for number, (rule, judge) in enumerate(pairs)
    ).lazy()  # fmt: skip


def tables(*pairs):
    ids = [f"t{number}" for number in range(len(pairs))]
    return {
        "judge_verdicts": evidence(*pairs),
        "prompt_pool": pl.LazyFrame({"prompt_id": ["p"], "prompt": ["q" * 999], "reference_answer": ["4"]}),
        "sampled_traces": pl.LazyFrame(
            {"trace_id": ids, "answer": ["<b>four</b>"] * len(ids)}, schema={"trace_id": pl.String, "answer": pl.String}
        ),
    }


def test_counts_are_per_pair_of_verdicts():
    rows = judge_agreement(evidence(("incorrect", "correct"), ("incorrect", "correct"), ("error", "abstained")))
    assert rows.rows() == [("incorrect", "correct", "correct", 2), ("error", "abstained", "abstained", 1)]


@pytest.mark.parametrize(
    ("pair", "differ"),
    [
        pytest.param(("incorrect", "correct"), True, id="judge_accepts"),
        pytest.param(("correct", "incorrect"), True, id="judge_refuses"),
        pytest.param(("correct", "correct"), False, id="agree"),
        pytest.param(("incorrect", "abstained"), False, id="judge_unsure"),
        pytest.param(("error", "correct"), False, id="no_rule"),
        pytest.param(("no_answer", "correct"), False, id="rule_found_no_answer"),
    ],
)
def test_only_two_verdicts_can_disagree(pair, differ):
    assert judge_disagreements(tables(pair)).height == differ


def test_examples_are_few_of_each_sort_and_clipped():
    shown = judge_disagreements(tables(*[("incorrect", "correct")] * 9, *[("correct", "incorrect")] * 2), examples=3)
    assert shown["rule_verdict"].to_list() == ["correct"] * 2 + ["incorrect"] * 3
    assert shown.select(pl.col("prompt", "analysis").str.len_chars().max()).row(0) == (240, 240)
    assert set(shown["answer"]) == {"<b>four</b>"}


def test_nobody_asked_nothing_to_show():
    assert judge_agreement(evidence()).is_empty()
    assert judge_disagreements(tables()).is_empty()
