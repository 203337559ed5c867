"""What a table is: columns with their meaning, and the columns that most tables share."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import polars as pl

UTC_TIMESTAMP = pl.Datetime("us", "UTC")
MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, whether it may be null, and what it means."""

    name: str
    dtype: pl.DataType
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One Delta table."""

    name: str
    description: str
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and Polars types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def frame(self, rows: Iterable[dict[str, object]]) -> pl.DataFrame:
        """A frame with exactly this table's schema from an iterable of row dictionaries."""
        return pl.DataFrame(list(rows), schema=self.schema, orient="row")

    def complete(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The table's columns of a frame from disk, in their order; those it lacks are null if they may be.

        Raises:
            ColumnNotFoundError: when the frame is collected, if it lacks a column that may not be null.
        """
        found = frame.collect_schema()
        lacking = {column.name for column in self.columns if column.nullable} - set(found)
        return frame.select(
            pl.lit(None, column.dtype).alias(column.name) if column.name in lacking else pl.col(column.name)
            for column in self.columns
        )


def text(name: str, description: str) -> Column:
    """A text that is always there."""
    return Column(name=name, dtype=pl.String(), description=description)


def text_or_null(name: str, description: str) -> Column:
    """A text that may be missing."""
    return Column(name=name, dtype=pl.String(), description=description, nullable=True)


def integer(name: str, description: str) -> Column:
    """A whole number that is always there."""
    return Column(name=name, dtype=pl.Int64(), description=description)


def integer_or_null(name: str, description: str) -> Column:
    """A whole number that may be missing."""
    return Column(name=name, dtype=pl.Int64(), description=description, nullable=True)


def number(name: str, description: str) -> Column:
    """A number that is always there."""
    return Column(name=name, dtype=pl.Float64(), description=description)


def number_or_null(name: str, description: str) -> Column:
    """A number that may be missing."""
    return Column(name=name, dtype=pl.Float64(), description=description, nullable=True)


def time(name: str, description: str) -> Column:
    """A moment, UTC."""
    return Column(name=name, dtype=UTC_TIMESTAMP, description=description)


PROMPT_ID = text("prompt_id", "Hash of the normalised prompt text and its verifier specification.")
TRACE_ID = text("trace_id", "Hash of prompt, model, temperature, sample index and fingerprint.")
MODEL = text("model", "Catalogue name of the model; a partition key.")
TEMPERATURE = text("temperature", "Temperature as a partition key, e.g. `0.6`, or `imported`.")
TRACE_PARTITION = ("model", "temperature")
TRACE_KEYS = (TRACE_ID, PROMPT_ID, MODEL, TEMPERATURE)
