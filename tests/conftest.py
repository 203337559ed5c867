"""Fixtures of the tests that run real jobs."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from finished_run import FinishedRun, finish
from hypothesis import HealthCheck, settings
from small_workspace import SmallWorkspace, workspace_with_starter
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# How long an example takes to make or to try says more of the machine than of us. The same code gets the same examples,
# so that a run which passed passes again; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "explore", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models gain nothing from threads, which crawl on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that they are not what all wait for, and of these the longest."""
    items.sort(key=lambda item: (not _uses_ray(item.nodeid), item.get_closest_marker("slow") is None))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Tests of a file run in one process, and so do those of all files that start Ray."""
    return _FilesInTurn(config, log)


class _FilesInTurn(LoadFileScheduling):
    """A Ray cluster starts a dozen processes: two at a time make each other miss their deadlines."""

    def _split_scope(self, nodeid: str) -> str:
        return "ray" if _uses_ray(nodeid) else str(super()._split_scope(nodeid))


def _uses_ray(nodeid: str) -> bool:
    return "/test_ray_" in nodeid


@pytest.fixture
def small(tmp_path: Path) -> SmallWorkspace:
    """Recipe `small` with one starter model in its catalogue."""
    return workspace_with_starter(tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An ephemeral Dagster instance."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """The whole graph of two models, run once; read only, `finished` is a copy to change."""
    return finish(SmallWorkspace(tmp_path_factory.mktemp("finished")))


@pytest.fixture
def finished(finished_run: FinishedRun, tmp_path: Path) -> SmallWorkspace:
    """A workspace of one's own in which the whole graph has been run."""
    return finished_run.workspace.copied_to(tmp_path / "finished")
