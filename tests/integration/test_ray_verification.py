"""Verification on a local Ray cluster: the verdicts of this machine, also when actors are killed."""

import datetime
import os
import signal

import polars as pl
import psutil
import pytest

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.schemas import VERIFIED_TRACES
from openreason_dagster.resources.judging import PROMPT_COLUMNS, judge_here, judge_of, verify_partition
from openreason_dagster.resources.ray_verification import RayVerification
from openreason_dagster.resources.verification_workers import verification_workers

pytest.importorskip("ray", reason="the extra [ray] is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray uses much of pydantic's and its own old interfaces
]
LIMITS = Verification(runner="ray", workers=1)
KEYS = {"model": "starter-base", "temperature": "1.2"}


@pytest.fixture(scope="module")
def verification():
    with RayVerification(LIMITS, address=None) as joined:
        yield joined


@pytest.fixture
def traces(finished_run):
    tables = finished_run.workspace.tables
    prompts = tables.scan("prompt_pool").select(PROMPT_COLUMNS)
    return tables.scan("sampled_traces").join(prompts, on="prompt_id").sort("trace_id").collect()


def of_any_time(verdicts):
    return verdicts.drop("milliseconds", "verified_at").sort("trace_id")


def test_verdicts_are_those_of_this_machine(verification, traces):
    batches = [rows for (_,), rows in traces.group_by("prompt_id", maintain_order=True)]
    with verification_workers(LIMITS) as workers:
        expected = pl.concat(judge_here(workers)(batches))
    found = list(verification.judge(batches))
    assert len(found) == len(batches) > 3
    assert all(rows.schema == VERIFIED_TRACES.schema for rows in found)
    assert of_any_time(pl.concat(found)).equals(of_any_time(expected))
    assert set(expected["verdict"]) >= {"correct", "incorrect"}


def test_a_killed_actor_is_started_again(verification, traces):
    batches = [rows for (_,), rows in traces.group_by("prompt_id", maintain_order=True)]
    verdicts = verification.judge(batches)
    found = [next(verdicts)]
    killed = [process for process in psutil.process_iter(["cmdline"]) if is_an_actor_of_ours(process)]
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    found += list(verdicts)
    assert killed
    assert sorted(pl.concat(found)["trace_id"]) == sorted(traces["trace_id"])


def is_an_actor_of_ours(process):
    ours = psutil.Process()
    name = " ".join(process.info["cmdline"] or ())
    return "RayJudge" in name and ours in process.parents()


def test_nothing_to_judge_starts_nothing(verification):
    assert list(verification.judge([])) == []


def test_an_actor_that_cannot_judge_ends_verification(verification, traces):
    unknown = traces.head(5).with_columns(verifier=pl.lit("oracle"))
    with pytest.raises(VerificationError, match=r"(?s)oracle.*verdicts that came are kept"):
        list(verification.judge([unknown]))


def test_a_recipe_that_says_so_is_verified_on_ray(verification, finished):
    before = finished.tables.scan("verified_traces", **KEYS).collect()
    finished.tables.delete("verified_traces", "temperature = '1.2'")
    with judge_of(LIMITS) as judge:
        judged = verify_partition(finished.tables, judge, **KEYS)
        assert verify_partition(finished.tables, judge, **KEYS) == 0
    after = finished.tables.scan("verified_traces", **KEYS).collect()
    assert judged == before.height
    assert of_any_time(after).equals(of_any_time(before))
    assert after["verified_at"].min() > before["verified_at"].max() - datetime.timedelta(seconds=1)
