"""Work that is cut into parts, none of which needs another: done one after the other, or by many machines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import polars as pl


class EachPart(Protocol):
    """Gives `function(part, **shared)` for each part, in the order of the parts; empty results may be left out.

    `function` is a function of a module, so that other machines can import it, and `shared` is what all parts need.
    Done twice for the same part, as after the loss of a machine, it must do no harm.
    """

    def __call__(
        self, function: Callable[..., pl.DataFrame], parts: Iterable[pl.DataFrame], **shared: object
    ) -> Iterator[pl.DataFrame]:
        """Start the work; results come as they are asked for."""


def one_by_one(
    function: Callable[..., pl.DataFrame], parts: Iterable[pl.DataFrame], **shared: object
) -> Iterator[pl.DataFrame]:
    """`EachPart` in this process, which holds one part at a time."""
    for part in parts:
        yield function(part, **shared)


def file_parts(files: Sequence[str], *, most: int = 1_000) -> Iterator[pl.DataFrame]:
    """Files as parts with the column `path`: one each, or several where there would be more than `most` parts."""
    rows = pl.DataFrame({"path": files}, schema={"path": pl.String})
    return rows.iter_slices(max(1, -(-rows.height // most)))
