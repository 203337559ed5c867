"""Semantic duplicates: prompts that say the same in other words, with the same numbers, signs and answer.

Only prompts that have in common what a mean of words' vectors cannot tell are compared: numbers and signs in any order,
the answer, and the constraints of verifier `instruction`. Every such pair is, without an approximate index: what is
found depends on the texts and the model alone. Prompts of verifier `procedural` take no part.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.curation.near_duplicates import PAIRS_SCHEMA
from openreason_dagster.domain.curation.shingles import plain_text, unordered_exact_part
from openreason_dagster.domain.curation.static_embeddings import Embed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EARLIER_LISTED = 32
"""Of the earlier prompts that one resembles so many are listed, the first, so that thousands alike cost no square."""
_ROWS_AT_ONCE = 20_000
_TEXTS_AT_ONCE = 2_000
_TILE = (1_024, 4_096)
"""Vectors that are compared with so many earlier ones in one matrix product: 16 MB of cosines."""


def semantic_pairs(prompts: pl.DataFrame, embed: Embed, *, similarity: float) -> pl.DataFrame:
    """Pairs of semantic duplicates, with the schema `PAIRS_SCHEMA`: `earlier_row` < `row`, sorted by both.

    `prompts` has the columns prompt, reference_answer, verifier and verifier_spec; `similarity`, above 0, is the least
    cosine. With g prompts of the same exact part and vectors of d numbers, time grows with the sum of g²·d and memory
    with the largest g·d, or 20,000·d if that is more.
    """
    constraints = pl.when(pl.col("verifier") == "instruction").then("verifier_spec")
    exact = unordered_exact_part("prompt", "reference_answer")
    rows = (
        prompts.select("prompt", "verifier", key=pl.struct(exact.alias("exact"), constraints.alias("spec")).hash())
        .with_row_index("row")
        .filter((pl.col("verifier") != "procedural") & pl.col("key").is_duplicated())
        .sort("key", "row")
    )
    found = [_pairs_of_part(part, embed, similarity) for part in _parts(rows)]
    return pl.concat([PAIRS_SCHEMA.to_frame(), *found]).sort("row", "earlier_row")


def _parts(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """About so many rows at once; rows of the same key are in the same part."""
    first_of_key = rows.with_row_index("place").select(pl.col("place").min().over("key"))["place"]
    for start, end in _runs(first_of_key // _ROWS_AT_ONCE):
        yield rows[start:end]


def _runs(values: pl.Series) -> Iterator[tuple[int, int]]:
    """Where equal values that follow each other begin, and where they end."""
    ends = values.rle().struct.field("len").cum_sum().to_list()
    yield from pairwise([0, *ends])


def _pairs_of_part(rows: pl.DataFrame, embed: Embed, similarity: float) -> pl.DataFrame:
    import numpy as np

    texts = (part.select(plain_text(pl.col("prompt")))["prompt"] for part in rows.iter_slices(_TEXTS_AT_ONCE))
    vectors, numbers = np.concatenate([embed(part.to_list()) for part in texts]), rows["row"].to_numpy()
    found = [
        (numbers[start + place], numbers[start + earlier], cosine)
        for start, end in _runs(rows["key"])
        for place, earlier, cosine in _alike(vectors[start:end], similarity)
    ]
    if not found:
        return PAIRS_SCHEMA.to_frame()
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return pl.DataFrame(dict(zip(PAIRS_SCHEMA, columns, strict=True)), schema=PAIRS_SCHEMA)


def _alike(
    vectors: "NDArray[np.float32]", similarity: float
) -> Iterator[tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float64]"]]:
    """Places, earlier places and cosines of the pairs that are similar enough: the first few of each place."""
    import numpy as np

    height, width = _TILE
    for top in range(0, len(vectors), height):
        below = vectors[top : top + height]
        lefts = range(0, top + len(below), width)
        tiles = [_hits(below, vectors[left : left + width], similarity, shift=top - left) for left in lefts]
        shifted = [(place, earlier + left, cosine) for left, (place, earlier, cosine) in zip(lefts, tiles, strict=True)]
        place, earlier, cosine = (np.concatenate(parts) for parts in zip(*shifted, strict=True))
        order = np.argsort(place, kind="stable")
        chosen = order[_is_among_first(place[order])]
        if len(chosen):
            yield place[chosen] + top, earlier[chosen], cosine[chosen]


def _hits(
    below: "NDArray[np.float32]", above: "NDArray[np.float32]", similarity: float, *, shift: int
) -> tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float64]"]:
    """Rows, columns and values of one tile of cosines; `shift` is by how much its first row comes later."""
    import numpy as np

    cosines = below @ above.T
    row, column = np.nonzero(cosines >= similarity)
    is_earlier = column < row + shift
    row, column = row[is_earlier], column[is_earlier]
    first = _is_among_first(row)
    row, column = row[first], column[first]
    return row, column, np.minimum(cosines[row, column].astype(np.float64), 1.0)


def _is_among_first(rows: "NDArray[np.int64]") -> "NDArray[np.bool_]":
    """Which of these, sorted, are among the first that their row has."""
    import numpy as np

    return np.asarray(np.arange(len(rows)) - np.searchsorted(rows, rows) < EARLIER_LISTED)
