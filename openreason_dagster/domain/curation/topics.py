"""Topics for prompts whose source states none: groups of a like meaning, named after what is said in no other group."""

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.curation.shingles import plain_text
from openreason_dagster.domain.curation.static_embeddings import Embed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEARNT_FROM = 50_000
"""So many prompts decide what the groups are and what they are called; the others join the nearest."""
NO_WORDS = "no words"
"""Name of a group of formulas and numbers alone."""
_WORDS_IN_NAME = 3
_WORD = r"[\p{Han}\p{Hiragana}\p{Katakana}]{2}|\p{L}{3,}"
"""Where words are not set apart, two characters count as one."""
_COMMAND = r"\\[a-z]+"
_TEXTS_AT_ONCE = 2_000
_BATCH, _PASSES, _STARTS, _SEED = 2_048, 30, 3, 1


def with_topics(prompts: pl.DataFrame, embed: Embed, *, count: int) -> pl.DataFrame:
    """The prompts in their order, with a topic where they had none; null stays where the model knows no token.

    The same prompts get the same topics in any order; further prompts can change all groups. Time grows with prompts
    times `count`; vectors of `LEARNT_FROM` prompts are held.

    Args:
        prompts: With prompt_id, a hash; prompt; and topic, which may be null.
        embed: Vectors of length 1 or 0 (see static_embeddings).
        count: How many groups at most; fewer where there are fewer different vectors, or groups of the same name.
    """
    untold = prompts.filter(pl.col("topic").is_null()).select("prompt_id", plain_text(pl.col("prompt")))
    grouped = _grouped(untold.sort("prompt_id"), embed, count)
    named = grouped.join(group_names(grouped.head(LEARNT_FROM)), on="group", how="inner")
    found = named.select("prompt_id", found="topic").unique("prompt_id")
    joined = prompts.join(found, on="prompt_id", how="left", maintain_order="left")
    return joined.with_columns(topic=pl.coalesce("topic", "found")).select(prompts.columns)


def group_names(grouped: pl.DataFrame) -> pl.DataFrame:
    """The columns group and topic: the words with the highest class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794).

    `grouped` has prompt and group, which may be null. A word counts once for each prompt it is in; commands of LaTeX
    are no words.
    """
    parts = [_word_counts(part) for part in grouped.drop_nulls("group").iter_slices(_TEXTS_AT_ONCE)]
    schema = {"group": pl.Int32, "word": pl.String, "prompts": pl.UInt32}
    counts = pl.concat([pl.DataFrame(schema=schema), *parts]).group_by("group", "word").agg(pl.col("prompts").sum())
    total = pl.col("prompts").sum()
    average = total / pl.col("group").n_unique()
    weight = (pl.col("prompts") / total.over("group")).sqrt() * (1 + average / total.over("word")).log()
    best = (
        counts.with_columns(weight=weight)
        .sort("group", "weight", "word", descending=[False, True, False])
        .group_by("group", maintain_order=True)
        .agg(topic=pl.col("word").head(_WORDS_IN_NAME).str.join(", "))
    )
    groups = grouped.select(pl.col("group").unique().drop_nulls())
    return groups.join(best, on="group", how="left").with_columns(pl.col("topic").fill_null(NO_WORDS))


def _word_counts(part: pl.DataFrame) -> pl.DataFrame:
    words = pl.col("prompt").str.replace_all(_COMMAND, " ").str.extract_all(_WORD).list.unique()
    said = part.select("group", word=words).explode("word").drop_nulls("word")
    return said.group_by("group", "word").agg(prompts=pl.len())


def _grouped(texts: pl.DataFrame, embed: Embed, count: int) -> pl.DataFrame:
    """The texts with the number of their group, null for a vector of zeros."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    if texts.is_empty():
        return texts.with_columns(group=pl.lit(None, pl.Int32))
    learnt = np.concatenate(list(_vectors(texts.head(LEARNT_FROM), embed)))
    with threadpool_limits(1):  # sums of several threads are added in no fixed order
        centres = _centres(learnt[learnt.any(axis=1)], count)
        parts = chain([learnt], _vectors(texts.slice(LEARNT_FROM), embed))
        numbers = [_nearest(centres, part) for part in parts]
    return texts.with_columns(pl.concat(numbers).alias("group"))


def _vectors(texts: pl.DataFrame, embed: Embed) -> Iterator["NDArray[np.float32]"]:
    for part in texts.iter_slices(_TEXTS_AT_ONCE):
        yield embed(part["prompt"].to_list())


def _centres(vectors: "NDArray[np.float32]", count: int) -> "NDArray[np.float32]":
    """One row per group; each is the nearest to some of the vectors."""
    import numpy as np
    from sklearn.cluster import MiniBatchKMeans

    most = min(count, len(np.unique(vectors, axis=0)))
    if not most:
        return vectors
    groups = MiniBatchKMeans(most, batch_size=_BATCH, max_iter=_PASSES, n_init=_STARTS, random_state=_SEED).fit(vectors)
    return np.asarray(groups.cluster_centers_[np.unique(groups.labels_)], dtype=np.float32)


def _nearest(centres: "NDArray[np.float32]", vectors: "NDArray[np.float32]") -> pl.Series:
    """Row of the nearest centre; null for a vector of zeros, which is near to nothing."""
    import numpy as np

    is_told = np.asarray(vectors.any(axis=1))
    if not is_told.any() or not len(centres):
        return pl.repeat(None, len(vectors), dtype=pl.Int32, eager=True)
    distances = np.square(centres).sum(axis=1) - 2 * vectors @ centres.T
    return pl.Series(distances.argmin(axis=1), dtype=pl.Int32).set(pl.Series(~is_told), None)
