"""What data sets are built on: verdicts against the stated reference, or against the answer that took its place."""

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from openreason_dagster.domain.rewards.total import total

STATED, MAJORITY = "stated_reference", "majority_answer"
"""What a row was judged against."""
_SCORES = ("trace_id", "reward_accuracy", "reward_format", "reward_language_consistency", "reward_total")

Frames = Mapping[str, pl.LazyFrame]


def verdicts_of_replaced(tables: Frames) -> pl.LazyFrame:
    """Rows of replaced_verdicts whose prompt is replaced."""
    replaced = tables["suspect_references"].filter(pl.col("treatment") == "replaced").select("prompt_id")
    return tables["replaced_verdicts"].join(replaced, on="prompt_id", how="semi")


def verdicts_in_effect(tables: Frames) -> pl.LazyFrame:
    """Rows of verified_traces, those of replaced prompts as judged against the majority answer."""
    return _updated(tables["verified_traces"], verdicts_of_replaced(tables))


def references_in_effect(tables: Frames) -> pl.LazyFrame:
    """Rows of prompt_pool, the reference answer of replaced prompts being the majority answer."""
    replaced = tables["suspect_references"].filter(pl.col("treatment") == "replaced")
    answers = replaced.select("prompt_id", "majority_answer")
    joined = tables["prompt_pool"].join(answers, on="prompt_id", how="left", maintain_order="left")
    answer = pl.coalesce("majority_answer", "reference_answer")
    return joined.with_columns(reference_answer=answer).drop("majority_answer")


def dropped_prompts(suspects: pl.LazyFrame) -> pl.Series:
    """prompt_id of the prompts that are left out because their reference is doubted."""
    return suspects.filter(pl.col("treatment") == "dropped").select("prompt_id").collect()["prompt_id"]


def with_replaced_references(tables: Frames, weights: Mapping[str, float]) -> Frames:
    """The tables with the verdicts and rewards that hold where a majority answer took the reference's place.

    verified_traces is cut to trace_id and verdict, scored_traces to the rewards; `weights` are the recipe's, for the
    total. Nothing else changes, and nothing at all where no reference was replaced.
    """
    renewed = verdicts_of_replaced(tables).select("trace_id", "verdict", "is_correct")
    scores = tables["scored_traces"].select(_SCORES)
    scored = scores.join(renewed.select("trace_id", "is_correct"), on="trace_id", how="inner").collect(
        engine="streaming"
    )
    scored = scored.with_columns(reward_accuracy=pl.col("is_correct").cast(pl.Float64)).select(_SCORES)
    scored = scored.with_columns(total(scored, weights))
    verdicts = tables["verified_traces"].select("trace_id", "verdict")
    return {
        **tables,
        "verified_traces": _updated(verdicts, renewed.select("trace_id", "verdict")),
        "scored_traces": _updated(scores, scored.lazy()),
    }


def _updated(rows: pl.LazyFrame, renewed: pl.LazyFrame) -> pl.LazyFrame:
    """The rows, those of the same trace replaced."""
    unchanged = rows.join(renewed.select("trace_id"), on="trace_id", how="anti")
    return pl.concat([unchanged, rows.select("trace_id").join(renewed, on="trace_id", how="inner")])


def judged_against(suspects: pl.LazyFrame) -> pl.LazyFrame:
    """prompt_id and `judged_against` of the prompts whose reference was replaced; all others have the stated one."""
    return suspects.filter(pl.col("treatment") == "replaced").select("prompt_id", judged_against=pl.lit(MAJORITY))


def with_judged_against(frames: Iterable[pl.DataFrame], replaced: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows with what each was judged against, in their order; `replaced` are rows of `judged_against`."""
    for rows in frames:
        joined = rows.join(replaced, on="prompt_id", how="left", maintain_order="left")
        yield joined.with_columns(pl.col("judged_against").fill_null(STATED))
