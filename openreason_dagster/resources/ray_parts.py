"""Parts of curation's work on a Ray cluster: Ray Data hands them out, and narrow results come back."""

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.each_part import EachPart, one_by_one
from openreason_dagster.domain.errors import ClusterError, RecipeError
from openreason_dagster.domain.provenance import stable_hash, tree_hash
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.resources.ray_work import RayWork, blocks, frame_of
from openreason_dagster.resources.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from ray import ObjectRef
    from ray.data import Dataset

_PACKAGE = Path(__file__).parents[1]


@contextmanager
def parts_of(recipe: Recipe, *, folder: str) -> Iterator[EachPart]:
    """Who does the parts of the recipe's curation: this process, or a cluster; `folder` is as of `RayParts`.

    Raises:
        RecipeError, EngineError: Ray is not installed, or the cluster cannot be joined.
    """
    if recipe.curation.runner == "local":
        yield one_by_one
    else:
        with RayParts(Settings.from_environment().ray_address, folder=folder) as each:
            yield each


class RayParts(RayWork):
    """An `EachPart` on a Ray cluster. A part that is lost with its machine is done again elsewhere.

    Args:
        address: As of `RayWork`.
        folder: Where the parts' files are; every machine reads and writes it at this path.
    """

    runner_key, refused = "curation.runner", RecipeError

    def __init__(self, address: str | None, *, folder: str) -> None:
        super().__init__(address)
        self._folder = folder

    def __call__(
        self, function: Callable[..., pl.DataFrame], parts: Iterable[pl.DataFrame], **shared: object
    ) -> Iterator[pl.DataFrame]:
        """Put parts and shared values into the cluster's object store, which spills to disk, and wait for results.

        Raises:
            ClusterError: the cluster is lost, or a part cannot be done on its machines.
        """
        import ray

        references = [ray.put(_sent(part)) for part in parts]
        values = {name: ray.put(_sent(value)) for name, value in shared.items()}
        if not references:
            return
        try:
            done = _done(references, function, values)
            for table in done.iter_batches(batch_size=None, batch_format="pyarrow"):
                yield frame_of(table)
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            raise ClusterError(
                f"{function.__name__.lstrip('_')} on Ray cluster {self._cluster.address!r} stopped ({error}). Check "
                f"`ray status`, and that every machine has this package and can read and write {self._folder!r}, then "
                "run again. `curation.runner: local` needs no cluster."
            ) from error


def _done(
    references: "list[ObjectRef[pa.Table]]",
    function: Callable[..., pl.DataFrame],
    values: "Mapping[str, ObjectRef[object]]",
) -> "Dataset":
    dataset = blocks(references)
    dataset.context.execution_options.preserve_order = True
    return dataset.map_batches(
        _task,
        fn_kwargs={"function": function, "values": values, "expected": versions()},
        batch_size=None,
        batch_format="pyarrow",
    )


def _task(
    block: "pa.Table",
    *,
    function: Callable[..., pl.DataFrame],
    values: "Mapping[str, ObjectRef[object]]",
    expected: Mapping[str, str],
) -> "pa.Table":
    """What the cluster does with one part."""
    import pyarrow as pa
    import ray

    require_versions(expected)
    got = dict(zip(values, ray.get(list(values.values())), strict=True))
    shared = {name: frame_of(value) if isinstance(value, pa.Table) else value for name, value in got.items()}
    return function(frame_of(block), **shared).to_arrow(compat_level=pl.CompatLevel.oldest())


@cache
def versions() -> Mapping[str, str]:
    """What must be the same on all machines, or the same text could have another hash, or be told apart otherwise."""
    sources = {name: digest for name, digest in tree_hash(_PACKAGE).items() if name.endswith(".py")}
    return {_PACKAGE.name: stable_hash(sources)} | {name: version(name) for name in ("polars", "pyarrow", "rensa")}


def require_versions(expected: Mapping[str, str]) -> None:
    """Refuse to work for a process that runs other code.

    Raises:
        ClusterError: with what is another version on this machine.
    """
    found = versions()
    other = [
        f"{name} is {found.get(name)}, not {expected[name]}" for name in expected if found.get(name) != expected[name]
    ]
    if other:
        raise ClusterError(
            f"machine {socket.gethostname()!r} runs other code than the one that asks: {'; '.join(other)}. Install the "
            "same versions on every machine, and restart Ray there."
        )


def _sent(value: object) -> object:
    """A frame as Arrow, which the tasks of a machine read in place; slices of text without what they were cut from."""
    return value.to_arrow(compat_level=pl.CompatLevel.oldest()) if isinstance(value, pl.DataFrame) else value
