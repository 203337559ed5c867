"""Near-duplicate prompts: texts that share most of their words, and every number and sign, and have the same answer.

Candidates are found by MinHash and locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman and Ullman, Mining of
Massive Datasets, chapter 3) and then compared exactly: the similarity of two prompts is the Jaccard index of their
sets of shingles. Prompts of verifier `procedural` take no part: a generator varies small things on purpose.
"""

import polars as pl

from openreason_dagster.domain.curation.decontamination import MULTIPLIER
from openreason_dagster.domain.curation.shingles import exact_part, shingles
from openreason_dagster.domain.each_part import EachPart, one_by_one

PERMUTATIONS = 128
MISSED = 1e-3
"""Largest share of pairs at the similarity itself that may be missed; pairs above it are missed more rarely."""
COMPARED_IN_BUCKET = 32
"""A prompt is compared with so many of the first in its bucket, so that a bucket of thousands costs no square."""
_ROWS_AT_ONCE = 20_000
_PAIRS_AT_ONCE = 100_000
_SEED = 1
PAIRS_SCHEMA = pl.Schema({"row": pl.UInt32(), "earlier_row": pl.UInt32(), "similarity": pl.Float64()})


def near_pairs(
    prompts: pl.DataFrame, *, similarity: float, from_row: int = 0, each: EachPart = one_by_one
) -> pl.DataFrame:
    """Pairs of near-duplicates, with the schema `PAIRS_SCHEMA`: `earlier_row` < `row`, sorted by both.

    `prompts` has the columns prompt, reference_answer and verifier. Pairs of rows before `from_row` are left out. Not
    every pair of a large group is listed, but each of its members is in a pair with one of the group's first. Memory
    is bounded by 0.3 kB per prompt; the time grows with the number of prompts.
    """
    rows = prompts.select("prompt", "verifier", exact=exact_part("prompt", "reference_answer")).with_row_index("row")
    compared = rows.filter((pl.col("verifier") != "procedural") & pl.col("exact").is_duplicated())
    if compared.is_empty():
        return pl.DataFrame(schema=PAIRS_SCHEMA)
    return _compare(_candidates(compared, similarity, from_row=from_row, each=each), rows, similarity)


def band_rows(similarity: float) -> int:
    """Rows per band: the most for which at most `MISSED` of the pairs at that similarity share no band.

    Two texts of Jaccard index s agree in a band of r rows with probability s^r, and in none of b bands with
    (1 - s^r)^b.
    """
    fitting = [r for r in range(1, 17) if (1 - similarity**r) ** (PERMUTATIONS // r) <= MISSED]
    return max(fitting, default=1)


def _candidates(rows: pl.DataFrame, similarity: float, *, from_row: int, each: EachPart) -> pl.DataFrame:
    """Distinct pairs (row, earlier_row) that share a band and the exact part."""
    parts = rows.select("prompt", "exact").iter_slices(_ROWS_AT_ONCE)
    keys = pl.concat(each(_band_keys, parts, per_band=band_rows(similarity)))
    found = [_pairs_in_buckets(rows.select("row", key=band), from_row) for band in keys]
    return pl.concat(found).unique().sort("row", "earlier_row")


def _band_keys(rows: pl.DataFrame, *, per_band: int) -> pl.DataFrame:
    """A column of keys per band: equal keys stand for an equal signature in the band and an equal exact part."""
    import numpy as np
    from rensa import RMinHash

    sets = shingles(rows["prompt"])
    offsets = np.concatenate([[0], sets.list.len().cum_sum().to_numpy()]).astype(np.uint64)
    hashes = sets.explode(empty_as_null=False).to_numpy().astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, _SEED)
    bands = PERMUTATIONS // per_band
    signature = np.array(matrix.to_rows(), dtype=np.uint64)[:, : bands * per_band].reshape(-1, bands, per_band)
    keys = rows["exact"].to_numpy()[:, None] * np.ones(bands, dtype=np.uint64)
    for place in range(per_band):
        keys = keys * np.uint64(MULTIPLIER) + signature[:, :, place]
    return pl.DataFrame(keys, schema=[f"band_{band}" for band in range(bands)], orient="row")


def _pairs_in_buckets(rows: pl.DataFrame, from_row: int) -> pl.DataFrame:
    shared = rows.filter(pl.col("key").is_duplicated())
    ranked = shared.with_columns(place=pl.int_range(pl.len()).over("key"))
    first = ranked.filter(pl.col("place") < COMPARED_IN_BUCKET).select("key", earlier_row="row")
    later = shared.filter(pl.col("row") >= from_row)
    pairs = later.join(first, on="key").filter(pl.col("earlier_row") < pl.col("row"))
    return pairs.select("row", "earlier_row")


def _compare(pairs: pl.DataFrame, rows: pl.DataFrame, similarity: float) -> pl.DataFrame:
    """The pairs whose exact parts are equal and whose shingles are similar enough, with the similarity."""
    found = [_similarities(part, rows) for part in pairs.iter_slices(_PAIRS_AT_ONCE)]
    return pl.concat([PAIRS_SCHEMA.to_frame(), *found]).filter(pl.col("similarity") >= similarity)


def _similarities(pairs: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    needed = pl.concat([pairs["row"], pairs["earlier_row"]]).unique().sort()
    texts = rows[needed.to_list()]
    known = texts.select("row", "exact", shingles=shingles(texts["prompt"]))
    both = pairs.join(known, on="row").join(known, left_on="earlier_row", right_on="row", suffix="_earlier")
    common = pl.col("shingles").list.set_intersection("shingles_earlier").list.len()
    all_ = pl.col("shingles").list.len() + pl.col("shingles_earlier").list.len() - common
    return (
        both.filter((pl.col("exact") == pl.col("exact_earlier")) & (common > 0))
        .select("row", "earlier_row", similarity=common.cast(pl.Float64) / all_)
        .sort("row", "earlier_row")
    )
