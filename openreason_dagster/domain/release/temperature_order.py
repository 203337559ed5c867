"""The order in which temperatures are shown."""

import polars as pl


def temperature_order(temperature: pl.Expr) -> pl.Expr:
    """Sort key of temperature keys: numbers by value, then `imported`."""
    return temperature.cast(pl.Float64, strict=False).fill_null(float("inf"))
