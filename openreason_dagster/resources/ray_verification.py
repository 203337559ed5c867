"""Judging on a Ray cluster: batches of traces go to actors, and each actor has worker processes of its own."""

import datetime
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.schemas import VERIFIED_TRACES
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.resources.ray_cluster import RayCluster
from openreason_dagster.resources.ray_work import RayWork, blocks, frame_of
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
        return verify_batch(frame_of(batch), self._workers, now=datetime.datetime.now(datetime.UTC)).to_arrow()


class RayVerification(RayWork):
    """Judges on a Ray cluster.

    Args:
        limits: Each actor starts `workers` processes and reserves as many processor cores.
        address: As of `RayWork`.
    """

    runner_key, refused = "verification.runner", VerificationError

    def __init__(self, limits: Verification, address: str | None) -> None:
        super().__init__(address)
        self._limits = limits

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
            yield frame_of(table).cast(VERIFIED_TRACES.schema)
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        raise VerificationError(
            f"verification on Ray cluster {cluster.address!r} stopped ({error}). Check `ray status`, and that every "
            "node has this package. Run again: verdicts that came are kept. `verification.runner: local` needs no "
            "cluster."
        ) from error


def _judged(references: "list[ObjectRef[pa.Table]]", limits: Verification) -> "Dataset":
    import ray

    return blocks(references).map_batches(
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
