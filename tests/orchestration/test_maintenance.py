"""The daily job merges and deletes files, never those of a release, and stops where it cannot know what one needs."""

import json
from pathlib import Path

import dagster as dg

from openreason_dagster.domain.schemas import SCORED_TRACES
from openreason_dagster.maintenance import KEEP_HOURS, maintain_tables_daily


def row(identifier):
    return SCORED_TRACES.frame([{
        "trace_id": identifier, "prompt_id": "p", "model": "a", "temperature": "0.3", "reward_accuracy": 1.0,
        "reward_format": 1.0, "reward_language_consistency": None, "reward_total": 2.0, "dominant_language": None,
        "reasoning_words": 0,
    }])  # fmt: skip


def maintain(small, instance):
    return (
        small.definitions()
        .resolve_job_def("maintain_tables")
        .execute_in_process(instance=instance, raise_on_error=False)
    )


def test_job_merges_small_files_and_keeps_every_row(small, instance):
    for number in range(5):
        small.tables.append("scored_traces", row(str(number)))
    assert maintain(small, instance).success
    assert len(small.tables.open("scored_traces").file_uris()) == 1
    assert sorted(small.tables.scan("scored_traces").collect()["trace_id"]) == list("01234")
    assert len(list(Path(small.tables.uri("scored_traces")).rglob("*.parquet"))) == 6, "the week's versions stay"
    assert [path.name for path in small.settings.tables.iterdir()] == ["scored_traces"], "it makes no tables"


def test_job_without_tables_does_nothing(small, instance):
    assert maintain(small, instance).success
    assert not small.settings.tables.exists()


def test_job_stops_at_a_manifest_that_cannot_be_read(small, instance):
    small.tables.append("scored_traces", row("1"))
    folder = small.settings.root / "releases" / "small"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")
    assert not maintain(small, instance).success
    (folder / "manifest.json").write_text(json.dumps({"table_versions": {"scored_traces": 1}}))
    assert maintain(small, instance).success


def test_job_runs_daily_from_the_start(small):
    assert KEEP_HOURS == 168
    repository = small.definitions().get_repository_def()
    assert [schedule.name for schedule in repository.schedule_defs] == ["maintain_tables_daily"]
    assert maintain_tables_daily.default_status is dg.DefaultScheduleStatus.RUNNING
