"""Batches on their way through rules and a judge model: in any order, and not held in memory."""

import gc
import random
import weakref
from datetime import UTC, datetime

import polars as pl
import pytest
from judge_server import judge_server, verdict_line

from openreason_dagster.domain.schemas import JUDGE_VERDICTS, VERIFIED_TRACES
from openreason_dagster.resources.judging import verify_partition
from openreason_dagster.resources.model_judge import Court, court_of


def batch(number, size=3):
    rows = [
        {
            "trace_id": f"{number}-{index}", "prompt_id": "p", "model": "m", "temperature": "0.6", "prompt": "Which?",
            "answer": f"answer {number}-{index}", "reference_answer": "the reference", "verifier": "judge",
        }
        for index in range(size)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def waiting(rows):
    """What the rule of the kind judge says of them."""
    shared = {"verdict": "error", "method": "judge/none", "message": "", "milliseconds": 0.0, "verifier_version": "v"}
    return VERIFIED_TRACES.frame(
        shared | row | {"verified_at": datetime.now(UTC)}
        for row in rows.select("trace_id", "prompt_id", "model", "temperature", "reference_answer").to_dicts()
    )


@pytest.fixture
def court(small):
    """The judge accepts what ends with an even number."""

    def reply(put):
        return verdict_line(put, "correct" if int(put.answer[-1]) % 2 == 0 else "incorrect")

    with judge_server(reply) as server:
        small.write_model(
            {
                "name": "judge", "engine": "openai", "base_url": server.base_url, "served_model": "j", "revision": "1",
                "license": "x", "roles": ["judge"],
            }
        )  # fmt: skip
        small.write_recipe(verification={"judge": {"model": "judge"}, "workers": 1})
        with court_of(small.tables, small.workspace, run_id="run") as court:
            yield court


def all_first(batches):
    """Rules that take all batches before they give verdicts, in another order and cut otherwise, as a cluster may."""
    verdicts = pl.concat([waiting(rows) for rows in batches])
    order = random.Random(1).sample(range(verdicts.height), verdicts.height)
    yield from verdicts[order].iter_slices(4)


def test_verdicts_in_any_order_find_their_texts(court):
    judge = Court(all_first, court.model).judge()
    found = pl.concat(judge(batch(number) for number in range(5)))
    expected = {
        f"{number}-{index}": "incorrect" if index == 1 else "correct" for number in range(5) for index in range(3)
    }
    assert dict(found.select("trace_id", "verdict").iter_rows()) == expected


def test_texts_that_wait_are_on_disk_and_go_when_judged(court, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen = []

    def batches():
        for number in range(5):
            seen.append(weakref.ref(rows := batch(number)))
            yield rows

    def rules(source):
        verdicts = [waiting(rows) for rows in source]
        gc.collect()
        assert sum(rows() is not None for rows in seen) <= 1, (
            "the rows of batches whose verdicts are to come are not held"
        )
        yield from verdicts

    judged = Court(rules, court.model).judge()(batches())
    left = [len(list(tmp_path.glob("judge-*/*"))) for _ in judged]
    assert left == [4, 3, 2, 1, 0]
    assert not list(tmp_path.glob("judge-*"))


def test_evidence_found_twice_is_kept_once(small):
    """Two runs at once can have judged a trace twice."""
    tables, verdicts = small.tables, waiting(batch(1, size=1))
    shared = dict.fromkeys(("judge_model", "first_pass", "analysis", "subject_id"), "x")
    keys = verdicts.select("trace_id", "prompt_id", "model", "temperature").to_dicts()[0]
    found = dict.fromkeys(("rule_verdict", "judge_verdict", "verdict"), "correct")
    evidence = JUDGE_VERDICTS.frame([keys | found | shared | {"judged_at": datetime.now(UTC)}] * 2)
    tables.append("verified_traces", verdicts)
    tables.append("judge_verdicts", evidence)
    verify_partition(tables, lambda _batches: iter(()), model="m", temperature="0.6")
    assert tables.scan("judge_verdicts").collect().height == 1


@pytest.mark.parametrize("change", [{"attempts": 2}, {"longest_answer": 100}, {"max_tokens": 9}], ids=str)
def test_what_changes_a_question_changes_the_version(small, court, change):
    before = court.versions["judge"]
    small.write_recipe(verification={"judge": {"model": "judge"} | change})
    with court_of(small.tables, small.workspace, run_id="run") as other:
        assert other.versions["judge"] != before
        assert other.versions["math"] == court.versions["math"]
