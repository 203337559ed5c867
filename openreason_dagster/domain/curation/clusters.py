"""Clusters of duplicates in other words: which prompts belong together, and which would stay if the others went."""

import polars as pl

from openreason_dagster.domain.curation.near_duplicates import PAIRS_SCHEMA
from openreason_dagster.domain.schemas import PROMPT_CLUSTERS


def prompt_clusters(
    prompts: pl.DataFrame, pairs: pl.DataFrame, *, semantic: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Rows of prompt_clusters, one for each row of `prompts`, which has the column prompt_id.

    `pairs` is what `near_pairs` found among these prompts, `semantic` what `semantic_pairs` did. Clusters are connected
    components: two prompts that are each a near-duplicate of a third are in one cluster. It is named after its first
    prompt, so that prompts that come after the others join clusters and never rename one, unless they join two that
    were apart.
    """
    links = pl.concat([
        pairs.with_columns(kind=pl.lit("near_duplicate")),
        (pairs.clear() if semantic is None else semantic).with_columns(kind=pl.lit("semantic_duplicate")),
    ])  # fmt: skip
    firsts = first_of_component(prompts.height, links)
    likest_first = links.sort("row", "kind", "similarity", "earlier_row", descending=[False, False, True, False])
    rows = (
        prompts.select("prompt_id")
        .with_row_index("row")
        .with_columns(first=pl.Series(firsts, dtype=pl.UInt32))
        .join(likest_first.unique("row", keep="first"), on="row", how="left", maintain_order="left")
    )
    ids = prompts["prompt_id"]
    return rows.with_columns(
        cluster_id=ids.gather(rows["first"]),
        kind=_kind(pairs),
        similar_prompt_id=ids.gather(rows["earlier_row"]),
    ).select(PROMPT_CLUSTERS.schema.names())


def _kind(near: pl.DataFrame) -> pl.Expr:
    """What a row is in its cluster; one that only later rows resemble is what these are."""
    has_near = pl.col("row").is_in(pl.concat([near["row"], near["earlier_row"]]).implode())
    of_later = pl.when(has_near).then(pl.lit("near_duplicate")).otherwise(pl.lit("semantic_duplicate"))
    return (
        pl.when(pl.len().over("first") == 1)
        .then(pl.lit("single"))
        .when(pl.col("first") == pl.col("row"))
        .then(pl.lit("first"))
        .otherwise(pl.coalesce("kind", of_later))
    )


def repeated_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs (row, earlier_row, similarity) by which rows would be dropped, one for each row that goes.

    In their order, a row goes if an earlier near-duplicate of it stays; it repeats the most similar of these. So what
    is dropped always resembles something that is left, however long a chain of near-duplicates is.
    """
    dropped: dict[int, tuple[int, float]] = {}
    by_likeness = pairs.sort("row", "similarity", "earlier_row", descending=[False, True, False])
    for row, earlier, similarity in by_likeness.select("row", "earlier_row", "similarity").iter_rows():
        if row not in dropped and earlier not in dropped:
            dropped[row] = (earlier, similarity)
    rows = [(row, earlier, similarity) for row, (earlier, similarity) in dropped.items()]
    return pl.DataFrame(rows, schema=pairs.schema, orient="row")


def pairs_among(pairs: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
    """The pairs of which both rows are kept, with their numbers among the kept rows.

    `kept` has a truth value for each row that was compared.
    """
    number = kept.cum_sum() - 1
    both = kept.gather(pairs["row"]) & kept.gather(pairs["earlier_row"])
    numbered = pairs.with_columns(row=number.gather(pairs["row"]), earlier_row=number.gather(pairs["earlier_row"]))
    return numbered.filter(both).cast(PAIRS_SCHEMA)


def first_of_component(rows: int, pairs: pl.DataFrame) -> list[int]:
    """For each row the smallest row that it is connected with."""
    parent = list(range(rows))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for row, earlier in pairs.select("row", "earlier_row").iter_rows():
        first, second = sorted((root(row), root(earlier)))
        parent[second] = first
    return [root(row) for row in range(rows)]
