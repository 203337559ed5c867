"""Housekeeping of the tables: small files are merged, and files that nobody can need any more are deleted."""

from pathlib import Path

import dagster as dg

from openreason_dagster.domain.release.manifest import released_versions
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

KEEP_HOURS = 7 * 24


@dg.op
def compact_and_vacuum(context: dg.OpExecutionContext, tables: Tables, workspace: Workspace) -> None:
    """Merge the small files of every table, then delete those that neither a release nor the last week needs."""
    output = Path(workspace.output_path)
    released = released_versions(output / "releases", output / "published")
    for name in TABLES:
        merged = tables.compact(name)
        deleted = tables.vacuum(name, keep_hours=KEEP_HOURS, keep_versions=released.get(name, set()))
        context.log.info("%s: %d files fewer by merging, %d old files deleted", name, merged, deleted)


@dg.job(executor_def=dg.in_process_executor)
def maintain_tables() -> None:
    """Merge small files of the tables and delete old ones; versions of the last week and of releases stay."""
    compact_and_vacuum()


maintain_tables_daily = dg.ScheduleDefinition(
    name="maintain_tables_daily",
    job=maintain_tables,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
