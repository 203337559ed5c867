import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.curation.pass_at_k import PASS_AT
from openreason_dagster.domain.curation.statistics import prompt_statistics
from openreason_dagster.domain.inference.adaptive import SamplingRule
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import PROMPT_STATISTICS

POOL = pl.DataFrame({"prompt_id": ["p", "q"], "domain": ["math", "logic"]})
TRACES = pl.Schema(
    {
        "prompt_id": pl.String,
        "model": pl.String,
        "temperature": pl.String,
        "verdict": pl.String,
        "is_correct": pl.Boolean,
        "extracted_answer": pl.String,
    }
)
Trace = tuple[str, str | None]


def traces(*judged: Trace, prompt: str = "p", model: str = "m", temperature: str = "0.6") -> pl.DataFrame:
    rows = [(prompt, model, temperature, verdict, Verdict(verdict).is_correct, answer) for verdict, answer in judged]
    return pl.DataFrame(rows, schema=TRACES, orient="row")


def only(*judged: Trace) -> dict[str, Any]:
    return prompt_statistics(traces(*judged), POOL).row(0, named=True)


@pytest.mark.parametrize(
    ("judged", "band"),
    [
        pytest.param("", "unknown", id="nothing-judged"),
        pytest.param("0", "unsolved", id="none-correct"),
        pytest.param("1000", "hard", id="a-quarter-is-hard"),
        pytest.param("100", "medium", id="a-third"),
        pytest.param("1110", "medium", id="three-quarters-is-medium"),
        pytest.param("11110", "easy", id="more"),
        pytest.param("1", "solved", id="all-correct"),
    ],
)
def test_difficulty_band(judged: str, band: str) -> None:
    rows: list[Trace] = [("correct" if mark == "1" else "incorrect", "x") for mark in judged]
    assert only(("truncated", None), *rows)["difficulty_band"] == band


def test_unjudged_traces_are_samples_and_never_wrong() -> None:
    row = only(("correct", "4"), *((verdict.value, None) for verdict in Verdict if verdict.is_correct is None))
    assert (row["samples"], row["judged"], row["correct"]) == (7, 1, 1)
    assert (row["pass_at_1"], row["pass_at_2"]) == (1.0, None)


@pytest.mark.parametrize(
    ("rows", "majority", "is_correct"),
    [
        pytest.param([("correct", "4"), ("correct", "4"), ("incorrect", "5")], "4", True, id="most-frequent"),
        pytest.param(
            [("correct", "4"), ("incorrect", "5"), ("incorrect", "5")], "5", False, id="most-frequent-is-wrong"
        ),
        pytest.param([("correct", "9"), ("incorrect", "10")], "10", False, id="tie-takes-the-smallest-text"),
        pytest.param(
            [("truncated", None), ("no_answer", None), ("correct", "4")], "4", True, id="no-answer-is-no-vote"
        ),
        pytest.param([("timeout", "9^9"), ("timeout", "9^9"), ("correct", "4")], "9^9", None, id="unjudged-majority"),
        pytest.param([("timeout", "4"), ("correct", "4")], "4", True, id="one-judgement-speaks-for-the-answer"),
        pytest.param([("incorrect", "4"), ("correct", "4")], "4", None, id="judgements-that-differ-are-unknown"),
        pytest.param([("truncated", None)], None, None, id="no-answers"),
    ],
)
def test_majority_answer(rows: list[Trace], majority: str | None, is_correct: bool | None) -> None:
    row = only(*rows)
    assert (row["majority_answer"], row["is_majority_correct"]) == (majority, is_correct)


def test_one_row_for_every_prompt_model_and_temperature_in_the_pool() -> None:
    verified = pl.concat(
        [
            traces(("correct", "1"), prompt="q", temperature="1.2"),
            traces(("incorrect", "1"), prompt="q", temperature="0.3"),
            traces(("correct", "1"), model="n"),
            traces(("correct", "1"), prompt="left the pool"),
        ]
    )
    rows = prompt_statistics(verified.lazy(), POOL.lazy())
    assert rows.schema == PROMPT_STATISTICS.schema
    assert rows.select("prompt_id", "model", "temperature", "domain", "correct").rows() == [
        ("p", "n", "0.6", "math", 1),
        ("q", "m", "0.3", "logic", 0),
        ("q", "m", "1.2", "logic", 1),
    ]


def test_no_traces_give_an_empty_table() -> None:
    assert prompt_statistics(traces(), POOL).schema == PROMPT_STATISTICS.schema


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(Verdict)), st.none() | st.sampled_from("abc")), min_size=1, max_size=20))
def test_statistics_agree_with_counting(judged: list[Trace]) -> None:
    row = only(*judged)
    answers = [answer for _, answer in judged if answer is not None]
    expected = min(answers, key=lambda answer: (-answers.count(answer), answer)) if answers else None
    correct = sum(verdict == "correct" for verdict, _ in judged)
    known = correct + sum(verdict == "incorrect" for verdict, _ in judged)
    assert row["majority_answer"] == expected
    assert (row["samples"], row["judged"], row["correct"]) == (len(judged), known, correct)
    assert row["pass_at_1"] == (pytest.approx(correct / known) if known else None)


def sampled_by(rule: SamplingRule, *, prompts: int, correct: float, judged: float) -> pl.DataFrame:
    """Traces of prompts with the same chances, sampled until the rule stops."""
    draw, rows = random.Random(5), []
    for number in range(prompts):
        verdicts: list[Verdict] = []
        while len(verdicts) < rule.samples_asked([verdict is Verdict.CORRECT for verdict in verdicts]):
            luck = draw.random()
            known = Verdict.CORRECT if luck < correct else Verdict.INCORRECT
            verdicts.append(known if luck < judged else Verdict.TRUNCATED)
        rows += [(str(number), "m", "0.6", v, v.is_correct, None, index) for index, v in enumerate(verdicts)]
    return pl.DataFrame(rows, schema={**TRACES, "sample_index": pl.Int64}, orient="row")


def test_stopped_sampling_gives_the_pass_at_k_of_fixed_sampling() -> None:
    rule = SamplingRule(first_round=6, round=3, maximum=18, enough_correct=3, lowest_pass_rate=0.2, confidence=0.9)
    verified = sampled_by(rule, prompts=8_000, correct=0.2, judged=0.8)
    pool = pl.DataFrame({"prompt_id": [str(number) for number in range(8_000)], "domain": "math"})
    with_rule, without = prompt_statistics(verified, pool, rule=rule), prompt_statistics(verified, pool)
    for k in (1, 2, 4):
        expected = 1 - (1 - 0.2 / 0.8) ** k
        assert with_rule[f"pass_at_{k}"].mean() == pytest.approx(expected, abs=0.01)
        assert without[f"pass_at_{k}"].mean() != pytest.approx(expected, abs=0.02)
    assert with_rule["pass_at_8"].null_count() == with_rule.height


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(list(Verdict)), min_size=9, max_size=9), min_size=1, max_size=6))
def test_a_rule_of_one_round_changes_nothing(verdicts: list[list[Verdict]]) -> None:
    rule = SamplingRule(first_round=9, round=1, maximum=9, enough_correct=1, lowest_pass_rate=0.5, confidence=0.9)
    verified = pl.concat(
        traces(*((verdict.value, None) for verdict in own), model=f"m{number}").with_columns(
            sample_index=pl.int_range(9)
        )
        for number, own in enumerate(verdicts)
    )
    fixed, ruled = prompt_statistics(verified, POOL), prompt_statistics(verified, POOL, rule=rule)
    names = [f"pass_at_{k}" for k in PASS_AT]
    assert ruled.drop(names).equals(fixed.drop(names))
    for one, other in zip(ruled.select(names).rows(), fixed.select(names).rows(), strict=True):
        assert one == pytest.approx(other, abs=1e-12)


def test_no_traces_give_an_empty_table_under_a_rule_too() -> None:
    rule = SamplingRule(first_round=2, round=2, maximum=4, enough_correct=1, lowest_pass_rate=0.5, confidence=0.9)
    nothing = traces().with_columns(sample_index=pl.lit(None, pl.Int64))
    assert prompt_statistics(nothing, POOL, rule=rule).schema == PROMPT_STATISTICS.schema
