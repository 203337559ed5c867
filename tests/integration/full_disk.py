"""Runs the asset `sampled_traces` on a small file system that is made larger whenever it is full, until a run ends.

Usage: python full_disk.py FOLDER in a mount namespace of its own. FOLDER holds a small workspace; the file system is
mounted over its root and begins with what is there. Prints one JSON object per run: how it ended, and how many traces
a reader then finds. At the end the root is copied to FOLDER/finished.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from forking_sampler import MODEL, preload, sample
from small_workspace import SmallWorkspace

from openreason_dagster.partitions import range_tags

STEP = 160 * 1024
"""Bytes by which the file system grows: room for some commits."""
MOST_RUNS = 20
ROOMY = 64 * 1024 * 1024


def mount(folder: Path, options: str) -> None:
    """Mount or remount a file system in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def used(folder: Path) -> int:
    """Bytes that are taken on the file system of a folder."""
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def in_a_child(action: Callable[[], object]) -> tuple[int, str]:
    """Do it in a fork, because a process that has opened a table cannot fork; exit status, and what it printed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, sys.stdout.fileno())
        os.dup2(writer, sys.stderr.fileno())
        action()
        sys.stdout.flush()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), text


def main(workspace: SmallWorkspace) -> None:
    """Run, report and enlarge until a run ends by itself."""
    root, outside = workspace.settings.root, workspace.folder / "outside"
    tags = range_tags(MODEL, workspace.workspace.recipe())
    root.rename(outside)
    root.mkdir()
    mount(root, f"size={ROOMY}")
    shutil.copytree(outside, root, dirs_exist_ok=True)
    for _ in range(MOST_RUNS):
        mount(root, f"remount,size={used(root) + STEP}")
        status, said = in_a_child(lambda: sample(workspace.settings, tags))
        _, traces = in_a_child(lambda: print(workspace.tables.scan("sampled_traces").collect().height))
        print(json.dumps({"status": status, "said": said, "traces": int(traces)}), flush=True)
        if status == 0:
            break
    shutil.copytree(root, workspace.folder / "finished")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    preload()
    main(SmallWorkspace(Path(sys.argv[1])))
