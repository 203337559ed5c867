"""A small selection that covers much: groups take turns, and within a group some rows are likelier than others.

s1K was chosen so (Muennighoff et al. 2025, arXiv:2501.19393): a domain at random, of it a problem with a preference for
long traces, until there are 1,000. Here the groups take turns instead, which comes to the same and lets none go short.
"""

from collections.abc import Sequence

import polars as pl

from openreason_dagster.domain.provenance import stable_hash

_TWO_TO_53 = 2**53


def select_diverse(rows: pl.DataFrame, count: int, *, by: Sequence[str], prefer: str, seed: int) -> pl.DataFrame:
    """`count` of the rows, or all if there are fewer, in the order in which they were chosen.

    Args:
        rows: With trace_id, cluster_id and the columns named below. No cluster gets a second row before each has one.
        count: How many to choose.
        by: Columns whose values make the groups.
        prefer: Column of which larger values are likelier: in a group, the row with the k-th largest is drawn with
            weight 1/k, without replacement (Efraimidis and Spirakis 2006, Information Processing Letters 97(5), 181).
        seed: Decides the draw, together with the trace_ids alone: the order of `rows` does not matter.
    """
    rank = pl.col(prefer).rank("ordinal", descending=True).over(by)
    chance = pl.Series("chance", [_chance(trace, seed) for trace in rows["trace_id"]], dtype=pl.Float64)
    drawn = (
        rows.hstack([chance])
        .sort(prefer, "trace_id", descending=[True, False], nulls_last=True)
        .with_columns(draw=pl.col("chance").log() * rank.fill_null(pl.len()))
        .sort("draw", "trace_id", descending=[True, False])
        .with_columns(repeat=pl.int_range(pl.len()).over("cluster_id"))
        .sort("repeat", "draw", "trace_id", descending=[False, True, False])
        .with_columns(turn=pl.int_range(pl.len()).over("repeat", *by))
    )
    chosen = drawn.sort("repeat", "turn", "draw", "trace_id", descending=[False, False, True, False]).head(count)
    return chosen.select(rows.columns)


def _chance(trace: str, seed: int) -> float:
    """A number between 0 and 1, neither included, evenly spread over traces and seeds."""
    return (int(stable_hash(["diverse", seed, trace])[:13], 16) + 1) / (_TWO_TO_53 + 2)
