"""Judging on a Ray cluster: batches of traces go to actors, and each actor has worker processes of its own."""

import datetime
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

import polars as pl

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.schemas import VERIFIED_TRACES
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.resources.ray_cluster import RayCluster, require_ray
from openreason_dagster.resources.settings import Settings
from openreason_dagster.resources.verification_workers import verification_workers

if TYPE_CHECKING:
    import pyarrow as pa
    from ray import ObjectRef
    from ray.data import Dataset


class RayJudge:
    """What one actor does: judge batch after batch with the recipe's worker processes on its own node.

    The processes end with the actor, because they read from it.
    """

    def __init__(self, limits: Verification, sandbox: str) -> None:
        self._workers = verification_workers(limits, sandbox)

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Verdicts for a batch, as `verify_batch` gives them."""
        rows = pl.from_arrow(batch)
        assert isinstance(rows, pl.DataFrame)
        return verify_batch(rows, self._workers, now=datetime.datetime.now(datetime.UTC)).to_arrow()


class RayVerification:
    """Joins a Ray cluster for as long as it is entered, and judges there.

    Args:
        limits: Each actor starts `workers` processes and reserves as many processor cores.
        address: As `RayCluster` takes it. The cluster's nodes need this package.
    """

    def __init__(self, limits: Verification, address: str | None) -> None:
        self._limits = limits
        self._cluster = RayCluster(address)

    def __enter__(self) -> Self:
        require_ray("verification.runner", VerificationError)
        self._cluster.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cluster.__exit__(kind, error, traceback)

    def judge(self, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Verdicts batch by batch, in the order the batches finish.

        All batches are first put into the cluster's object store, which spills to disk; this process holds one at a
        time. An actor that is lost is started again by Ray and judges its batch anew; each batch comes back once.

        Args:
            batches: As `verify_batch` takes them.

        Raises:
            VerificationError: the cluster is lost, an actor cannot start, or judging as a whole cannot go on.
        """
        return _judged_on(self._cluster, batches, self._limits)


def _judged_on(cluster: RayCluster, batches: Iterable[pl.DataFrame], limits: Verification) -> Iterator[pl.DataFrame]:
    import ray

    references = [ray.put(rows.to_arrow()) for rows in batches]
    if not references:
        return
    try:
        for table in _judged(references, limits).iter_batches(batch_size=None, batch_format="pyarrow"):
            verdicts = pl.from_arrow(table)
            assert isinstance(verdicts, pl.DataFrame)
            yield verdicts.cast(VERIFIED_TRACES.schema)
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        raise VerificationError(
            f"verification on Ray cluster {cluster.address!r} stopped ({error}). Check `ray status`, and that every "
            "node has this package. Run again: verdicts that came are kept. `verification.runner: local` needs no "
            "cluster."
        ) from error


def _judged(references: "list[ObjectRef[pa.Table]]", limits: Verification) -> "Dataset":
    import ray

    dataset = ray.data.from_arrow_refs(references)
    dataset.context.enable_progress_bars = False
    dataset.context.print_on_execution_start = False
    return dataset.map_batches(
        RayJudge,
        fn_constructor_args=(limits, Settings.from_environment().sandbox),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=len(references)),
        num_cpus=min(limits.workers, _largest_node()),
    )


def _largest_node() -> float:
    """Processor cores of the largest node: an actor that reserves more would wait for ever."""
    import ray

    return max((node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]), default=1.0)
