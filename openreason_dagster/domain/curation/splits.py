"""Which split a prompt belongs to, for every data set made of prompts: SFT rows, RL prompts, preference pairs."""

import polars as pl

_TWO_TO_32 = 2**32
_KNUTH = 2654435761


def split_of(cluster: pl.Expr, *, seed: int, share: float) -> pl.Expr:
    """`train` or `validation`, decided by the cluster alone, so that adding prompts or models moves no other prompt.

    Args:
        cluster: The cluster's identifier, 32 hexadecimal digits of a hash (see prompt_clusters).
        seed: Seeds nearby cut elsewhere: each turns the circle of hashes by 2^32 / golden ratio further (the constant
            of Knuth, TAOCP vol. 3, 6.4).
        share: Expected share of clusters in `validation`.
    """
    bits = cluster.str.slice(0, 8).str.to_integer(base=16, dtype=pl.Int64)
    turned = (bits + seed * _KNUTH % _TWO_TO_32) % _TWO_TO_32
    return pl.when(turned < share * _TWO_TO_32).then(pl.lit("validation")).otherwise(pl.lit("train"))


def with_cluster(rows: pl.LazyFrame, clusters: pl.LazyFrame) -> pl.LazyFrame:
    """`rows`, which have a prompt_id, with the column cluster_id of the table prompt_clusters.

    A prompt that the table does not know, because pool or conversations are newer than it, is a cluster of its own.
    """
    known = clusters.select("prompt_id", "cluster_id")
    joined = rows.join(known, on="prompt_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("cluster_id").fill_null(pl.col("prompt_id")))
