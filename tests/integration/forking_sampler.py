"""Runs the asset `sampled_traces` in a fresh process for every line of standard input.

Everything is imported once, but nothing is computed before a fork, so that a process costs its work and little else.
Prints `started PID`, and `ended STATUS` when the process is gone; STATUS is negative when a signal ended it.

Usage: python forking_sampler.py FOLDER, where FOLDER holds a small workspace; each line names the root of the tables.
"""

import logging
import os
import sys
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import dagster as dg
from small_workspace import QUIET, SmallWorkspace

from openreason_dagster.definitions import build_definitions
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.settings import Settings

MODEL = "starter-base"
LOADED_BY_THE_ASSET = (
    "dagster._core.execution.execute_in_process",
    "deltalake",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "openreason_dagster.resources.engines.transformers",
    "transformers.models.llama.modeling_llama",
    "upath.implementations.local",
)


def preload() -> None:
    """Import what a child would otherwise import by itself, which takes longer than its work."""
    for name in LOADED_BY_THE_ASSET:
        import_module(name)
    with dg.DagsterInstance.ephemeral():
        pass


def sample(settings: Settings, tags: dict[str, str]) -> None:
    """One run of the asset over all temperatures of the model."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(MODELS.name or "", [MODEL])
        job = build_definitions(settings).resolve_job_def("sample_model")
        sampled_traces = [dg.AssetKey("sampled_traces")]
        job.execute_in_process(instance=instance, asset_selection=sampled_traces, tags=tags, run_config=QUIET)


def fork_and_wait(settings: Settings, tags: dict[str, str]) -> None:
    """Sample in a child; report its number and its end."""
    child = os.fork()
    if child == 0:
        sample(settings, tags)
        os._exit(0)
    print(f"started {child}", flush=True)
    _, status = os.waitpid(child, 0)
    print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    preload()
    workspace = SmallWorkspace(Path(sys.argv[1]))
    run_tags = range_tags(MODEL, workspace.workspace.recipe())
    for line in sys.stdin:
        fork_and_wait(replace(workspace.settings, root=Path(line.strip())), run_tags)
