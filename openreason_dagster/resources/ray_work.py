"""What work on Ray Data has in common: a cluster to join, blocks that are put into it, and frames that come back."""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

import polars as pl

from openreason_dagster.domain.errors import OpenReasonError
from openreason_dagster.resources.ray_cluster import RayCluster, require_ray

if TYPE_CHECKING:
    import pyarrow as pa
    from ray import ObjectRef
    from ray.data import Dataset


class RayWork:
    """Joins a Ray cluster for as long as it is entered.

    `address` is as `RayCluster` takes it. The cluster's machines need this package.

    Raises:
        OpenReasonError: `refused`, on entering, where Ray is not installed.
    """

    runner_key: ClassVar[str]
    """The recipe key that asks for it."""
    refused: ClassVar[type[OpenReasonError]]

    def __init__(self, address: str | None) -> None:
        self._cluster = RayCluster(address)

    def __enter__(self) -> Self:
        require_ray(self.runner_key, self.refused)
        self._cluster.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cluster.__exit__(kind, error, traceback)


def blocks(references: "Sequence[ObjectRef[pa.Table]]") -> "Dataset":
    """The data set of blocks in the object store, which says nothing on the terminal."""
    import ray

    return quiet(ray.data.from_arrow_refs(list(references)))


def quiet(dataset: "Dataset") -> "Dataset":
    """The data set, without progress bars and notes: stages report by themselves."""
    dataset.context.enable_progress_bars = False
    dataset.context.print_on_execution_start = False
    return dataset


def frame_of(table: "pa.Table") -> pl.DataFrame:
    """An Arrow table as a frame."""
    rows = pl.from_arrow(table)
    assert isinstance(rows, pl.DataFrame)
    return rows
