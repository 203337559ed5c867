"""How many rows a frame has."""

import polars as pl


def count_rows(rows: pl.LazyFrame) -> int:
    """Number of rows, without holding the columns that filters need."""
    return int(rows.select(pl.len()).collect(engine="streaming").item())
