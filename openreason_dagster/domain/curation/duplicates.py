"""Exact duplicates: prompts whose normalised texts are equal, within a source and across sources."""

import polars as pl

from openreason_dagster.domain.provenance import normalise_text


def exact_duplicates(prompts: pl.DataFrame) -> pl.DataFrame:
    """One row per prompt that repeats an earlier one: `row` (0-based) and `first_row`, which it repeats.

    `prompts` needs a column `prompt`; the first of equal texts is the one that stays, so the order of rows decides.
    """
    texts = pl.Series("text", [normalise_text(text) for text in prompts["prompt"]], dtype=pl.String)
    rows = pl.DataFrame({"text": texts}).with_row_index("row")
    return (
        rows.with_columns(first_row=pl.col("row").min().over("text"))
        .filter(pl.col("row") != pl.col("first_row"))
        .select("row", "first_row")
    )
