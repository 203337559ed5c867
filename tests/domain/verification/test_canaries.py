import datetime

import polars as pl
import pytest

from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.schemas import VERIFICATION_CANARIES, VERIFIED_TRACES
from openreason_dagster.domain.verification.canaries import canaries, error_rates, judged_canaries
from openreason_dagster.domain.verification.registry import VERIFIER_VERSIONS
from openreason_dagster.resources.judging import judge_of

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def judge():
    with judge_of(Verification(workers=1, timeout_seconds=20)) as judge:
        yield judge


@pytest.mark.parametrize("kind", sorted(VERIFIER_VERSIONS))
def test_every_kind_has_right_and_wrong_canaries(kind):
    known = canaries([kind])
    assert set(known["is_right"]) == {True, False}
    assert known["trace_id"].is_unique().all()
    assert all(known["trap"].str.len_chars() > 0)


@pytest.mark.parametrize("kind", sorted(set(VERIFIER_VERSIONS) - {"judge"}))
def test_every_rule_judges_its_canaries_right(kind, judge):
    known = canaries([kind])
    judged = judged_canaries(known, pl.concat(judge(iter([known]))), run_id="r", now=NOW)
    assert judged.schema == VERIFICATION_CANARIES.schema
    assert judged.height == known.height
    assert (
        judged.filter(pl.col("outcome") != "as_expected").select("reference_answer", "answer", "verdict").rows() == []
    )


def verdicts_of(known, verdict_of):
    rows = []
    for number, row in enumerate(known.iter_rows(named=True)):
        taken = {name: row[name] for name in ("trace_id", "prompt_id", "model", "temperature", "reference_answer")}
        rows.append(
            taken
            | {"verdict": verdict_of(number, row["is_right"]), "is_correct": None, "extracted_answer": None}
            | {"method": "m", "message": "", "milliseconds": 0.0, "verifier_version": "v", "verified_at": NOW}
        )
    return VERIFIED_TRACES.frame(rows)


@pytest.mark.parametrize(
    ("verdict_of", "accepts", "rejects", "unjudged"),
    [
        pytest.param(lambda _, right: "correct" if right else "incorrect", 0.0, 0.0, 0, id="all-right"),
        pytest.param(lambda _, right: "correct" if right else "no_answer", 0.0, 0.0, 0, id="unknown-is-no-accept"),
        pytest.param(lambda _, __: "correct", 1.0, 0.0, 0, id="accepts-everything"),
        pytest.param(lambda _, __: "incorrect", 0.0, 1.0, 0, id="rejects-everything"),
        pytest.param(lambda _, __: "abstained", 0.0, 1.0, 0, id="abstains-always"),
        pytest.param(lambda _, __: "timeout", None, None, 18, id="machine-fails-always"),
        pytest.param(
            lambda number, right: "error" if number == 0 else "correct" if right else "incorrect",
            0.0,
            0.0,
            1,
            id="once",
        ),
    ],
)
def test_what_is_measured(verdict_of, accepts, rejects, unjudged):
    known = canaries(["choice"])
    assert known.height == 18
    judged = judged_canaries(known, verdicts_of(known, verdict_of), run_id="r", now=NOW)
    (rates,) = error_rates(judged.lazy()).to_dicts()
    assert (rates["false_accept_rate"], rates["false_reject_rate"], rates["unjudged"]) == (accepts, rejects, unjudged)
    assert rates["right"] + rates["wrong"] + rates["unjudged"] == 18


def test_a_kind_without_a_set_has_none():
    assert canaries(["no-such-kind"]).is_empty()
    assert error_rates(VERIFICATION_CANARIES.frame([]).lazy()).is_empty()
