"""This platform: the asset `sampled_traces` as a Dagster run, with the engine `openai`, into Delta tables.

Arguments: `run` or `count`, and the job's JSON file, whose `workspace` has the recipe, the catalogue and a root with a
built prompt pool.
"""

import json
import shutil
import sys
from pathlib import Path

import dagster as dg
import polars as pl

from openreason_dagster.commands.dagster_home import dagster_instance, fail_all_lost_runs
from openreason_dagster.definitions import build_definitions, tables_of, workspace_of
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.settings import Settings

MODEL = "served"


def settings_of(workspace: Path, root: Path) -> Settings:
    """The benchmark's recipe and catalogue with some root."""
    return Settings(root=root, recipe=workspace / "recipes" / "starter.yaml", catalogue=workspace / "catalogue")


def run(settings: Settings, pool: Path) -> None:
    """Sample what is missing; the first time in a copy of the root that holds the pool."""
    if not settings.root.exists():
        shutil.copytree(pool, settings.root)
    recipe = workspace_of(settings).recipe()
    with dagster_instance(settings) as instance:
        fail_all_lost_runs(instance)
        instance.add_dynamic_partitions(MODELS.name or "", [MODEL])
        build_definitions(settings).resolve_job_def("sample_model").execute_in_process(
            instance=instance,
            tags=range_tags(MODEL, recipe),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            asset_selection=[dg.AssetKey("sampled_traces")],
        )


def count(settings: Settings) -> int:
    """Committed traces."""
    traces = tables_of(settings).scan("sampled_traces").select(pl.col("trace_id").n_unique())
    return int(traces.collect().item())


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[2]).read_text())
    workspace = Path(job["workspace"])
    chosen = settings_of(workspace, Path(job["folder"]) / "data")
    if sys.argv[1] == "run":
        run(chosen, workspace / "pool")
    else:
        print(count(chosen))
