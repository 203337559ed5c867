"""Suspect references as report and card show them: how many, what became of them, and examples to judge by eye."""

from collections.abc import Mapping

import polars as pl

LONGEST_TEXT = 400
"""Characters of a prompt or an answer that are shown."""
_TEXTS = ("prompt", "reference_answer", "majority_answer")

Frames = Mapping[str, pl.LazyFrame]


def doubted_counts(tables: Frames) -> pl.DataFrame:
    """Per treatment: prompts, and rows of the mix that were made from them."""
    suspects = tables["suspect_references"].select("prompt_id", "treatment")
    mixed = tables["sft_mix"].group_by("prompt_id").agg(rows=pl.len())
    joined = suspects.join(mixed, on="prompt_id", how="left")
    counts = joined.group_by("treatment").agg(prompts=pl.len(), rows=pl.col("rows").sum())
    return counts.sort("treatment").collect(engine="streaming")


def doubted_examples(tables: Frames, *, size: int) -> pl.DataFrame:
    """The most clear-cut suspects: prompt and both answers (cut), votes, answers, agreement, models, treatment.

    Those with the highest agreement come first, then those with the most votes.
    """
    chosen = (
        tables["suspect_references"]
        .sort("agreement", "votes", "prompt_id", descending=[True, True, False])
        .head(size)
        .collect()
    )
    is_chosen = pl.col("prompt_id").is_in(chosen["prompt_id"].implode())
    prompts = tables["prompt_pool"].filter(is_chosen).select("prompt_id", "prompt").collect(engine="streaming")
    shown = chosen.join(prompts, on="prompt_id", how="left", maintain_order="left")
    return shown.with_columns(_shortened(name) for name in _TEXTS).select(
        *_TEXTS, "votes", "answers", "agreement", pl.col("models").list.join(", "), "treatment"
    )


def _shortened(name: str) -> pl.Expr:
    is_long = pl.col(name).str.len_chars() > LONGEST_TEXT
    return pl.when(is_long).then(pl.col(name).str.head(LONGEST_TEXT) + "…").otherwise(name).alias(name)
