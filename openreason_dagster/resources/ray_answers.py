"""Answers compared with benchmarks on a Ray cluster: its nodes read the traces' files, and send back what they find."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.curation.benchmark_matches import answer_matches
from openreason_dagster.domain.errors import RecipeError, ReleaseError
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES
from openreason_dagster.resources.ray_cluster import RayCluster

if TYPE_CHECKING:
    import pyarrow as pa
    from ray import ObjectRef
    from ray.data import Dataset

_TEXTS = ["trace_id", "prompt_id", "answer"]
_ROWS_AT_ONCE = 1_000


class RayAnswers:
    """Compares answers that lie in files which every node of a cluster can read, at the same path.

    Args:
        files: Parquet files with the columns trace_id, prompt_id and answer.
        ngram: As of `overlaps`.
        address: As `RayCluster` takes it. The cluster's nodes need this package.
    """

    def __init__(self, files: Sequence[str], *, ngram: int, address: str | None) -> None:
        self._files, self._ngram, self._address = list(files), ngram, address

    def __call__(self, candidates: pl.DataFrame, benchmarks: pl.DataFrame) -> pl.DataFrame:
        """Rows of benchmark_matches for the answers of the candidates, sorted by trace_id; texts stay on the nodes.

        Raises:
            RecipeError: Ray is not installed.
            EngineError: the cluster cannot be joined.
            ReleaseError: the cluster is lost, or its nodes cannot read the files.
        """
        if find_spec("ray") is None:
            raise RecipeError(
                "recipe key `sft_mix.runner` is ray, but the package ray is not installed. Install the extra: "
                "pip install 'openreason-dagster[ray]', or set it to local."
            )
        with RayCluster(self._address) as cluster:
            import ray

            try:
                return self._compared(candidates.select("trace_id"), benchmarks)
            except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
                raise ReleaseError(
                    f"comparing answers with benchmarks on Ray cluster {cluster.address!r} stopped ({error}). Check "
                    f"`ray status`, that every node has this package and can read {self._files[:1]}, then run again. "
                    "`sft_mix.runner: local` needs no cluster."
                ) from error

    def _compared(self, wanted: pl.DataFrame, benchmarks: pl.DataFrame) -> pl.DataFrame:
        import ray

        found = [BENCHMARK_MATCHES.frame([])]
        if self._files:
            matches = self._matches(ray.put(wanted), ray.put(benchmarks))  # sent to each node once
            found += [_frame(table) for table in matches.iter_batches(batch_size=None, batch_format="pyarrow")]
        return pl.concat(rows.cast(BENCHMARK_MATCHES.schema) for rows in found).sort("trace_id")

    def _matches(self, *shared: object) -> "Dataset":
        import ray

        dataset = ray.data.read_parquet(self._files, columns=_TEXTS, partitioning=None)
        dataset.context.enable_progress_bars = False
        dataset.context.print_on_execution_start = False
        return dataset.map_batches(
            _matches_of, fn_args=(*shared, self._ngram), batch_size=None, batch_format="pyarrow", zero_copy_batch=True
        )


def _matches_of(
    block: "pa.Table", shared_ids: "ObjectRef[pl.DataFrame]", shared_benchmarks: "ObjectRef[pl.DataFrame]", ngram: int
) -> "pa.Table":
    """What one task does with a block of a file, of which Ray Data limits the size."""
    import ray

    wanted, benchmarks = ray.get([shared_ids, shared_benchmarks])
    answers = _frame(block).join(wanted, on="trace_id", how="semi")
    return answer_matches(answers.iter_slices(_ROWS_AT_ONCE), benchmarks, ngram=ngram).to_arrow()


def _frame(table: "pa.Table") -> pl.DataFrame:
    rows = pl.from_arrow(table)
    assert isinstance(rows, pl.DataFrame)
    return rows
