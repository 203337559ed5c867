"""OR3, rejection sampling: which verified traces of all models and temperatures are kept, and why not the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.datasets.turns import assistant_turn
from openreason_dagster.domain.recipe_datasets import ReasoningData
from openreason_dagster.domain.schemas import REASONING_DATA, REASONING_DATA_DROPPED
from openreason_dagster.domain.writing.readability import has_code_block, longest_paragraph


@dataclass(frozen=True)
class Selection:
    """Kept and dropped rows; together every candidate exactly once."""

    kept: pl.DataFrame
    dropped: pl.DataFrame


def candidates(tables: Mapping[str, pl.LazyFrame], texts: pl.LazyFrame, *, rules: ReasoningData) -> pl.LazyFrame:
    """One narrow row per trace of a pool prompt: keys, verdict, rewards, length, and a hash in place of the text.

    Reads sampled_traces, verified_traces, scored_traces, prompt_pool and suspect_references. `texts` has the reasoning
    and answer of the traces, perhaps among others: it comes apart because a join holds what it joins, and what is
    measured as it is read is never held. What the readability filters look at is measured only where `rules` ask for
    it, and null otherwise.
    """
    reasoning, drops_code = pl.col("reasoning"), rules.code_in_reasoning == "drop"
    paragraph = pl.lit(None) if rules.maximum_paragraph_characters is None else longest_paragraph(reasoning)
    measured = texts.select(
        "trace_id",
        text_hash=assistant_turn().hash(),
        paragraph_characters=paragraph.cast(pl.Int64),
        has_code=has_code_block(reasoning) if drops_code else pl.lit(None, pl.Boolean),
    )
    keys = ("trace_id", "prompt_id", "model", "temperature", "finish_reason", "completion_tokens")
    narrow = tables["sampled_traces"].select(keys).join(measured, on="trace_id", how="inner")
    verdicts = tables["verified_traces"].select("trace_id", "verdict")
    rewards = tables["scored_traces"].select("trace_id", "reward_format", "reward_language_consistency", "reward_total")
    suspects = tables["suspect_references"].filter(pl.col("treatment") == "dropped")
    dropped = suspects.select("prompt_id", has_suspect_reference=pl.lit(value=True))
    return (
        narrow.join(tables["prompt_pool"].select("prompt_id", "domain"), on="prompt_id", how="inner")
        .join(dropped, on="prompt_id", how="left")
        .with_columns(pl.col("has_suspect_reference").fill_null(value=False))
        .join(verdicts, on="trace_id", how="left")
        .join(rewards, on="trace_id", how="left")
    )


def select_reasoning_data(rows: pl.DataFrame, rules: ReasoningData) -> Selection:
    """Apply the filters in order, then keep the best traces of each prompt, spread over models.

    Among traces of equal reward the models take turns; ties are broken by trace_id, which is a hash and favours
    nobody. The result does not depend on the order of `rows`.
    """
    judged = rows.with_columns(reason=_first_reason(rules))
    ranked = _rank(judged.filter(pl.col("reason").is_null()))
    rank = pl.col("rank")
    over = pl.when(pl.col("is_repeat")).then(pl.lit("duplicate_trace")).when(rank > rules.traces_per_prompt)
    ranked = ranked.with_columns(reason=over.then(pl.lit("over_prompt_limit")))
    kept = ranked.filter(pl.col("reason").is_null()).sort("prompt_id", "rank")
    dropped = pl.concat(
        [judged.filter(pl.col("reason").is_not_null()), ranked.filter(pl.col("reason").is_not_null())], how="diagonal"
    )
    return Selection(
        kept.select(REASONING_DATA.schema.names()).cast(REASONING_DATA.schema),
        dropped.select(REASONING_DATA_DROPPED.schema.names()).sort("trace_id"),
    )


def _first_reason(rules: ReasoningData) -> pl.Expr:
    limit, paragraph = rules.maximum_completion_tokens, rules.maximum_paragraph_characters
    consistency, least = pl.col("reward_language_consistency"), rules.minimum_language_consistency or 0.0
    return (
        pl.when(pl.col("has_suspect_reference"))
        .then(pl.lit("suspect_reference"))
        .when((pl.col("finish_reason") == "length") | (pl.col("verdict") == "truncated").fill_null(value=False))
        .then(pl.lit("truncated"))
        .when(~pl.col("verdict").is_in(rules.verdicts).fill_null(value=False))
        .then(pl.lit("not_correct" if rules.answers == "correct" else "not_judged"))
        .when(pl.col("reward_format").fill_null(0.0) < 1)
        .then(pl.lit("bad_format"))
        .when(consistency.is_not_null() & (consistency < least))
        .then(pl.lit("mixed_language"))
        .when(pl.lit(value=limit is not None) & (pl.col("completion_tokens") > (limit or 0)).fill_null(value=False))
        .then(pl.lit("over_long"))
        .when(pl.col("has_code").fill_null(value=False))
        .then(pl.lit("code_in_reasoning"))
        .when((pl.col("paragraph_characters") > (paragraph or 0)).fill_null(value=False))
        .then(pl.lit("long_paragraph"))
    )


def _rank(rows: pl.DataFrame) -> pl.DataFrame:
    by_quality = rows.sort(
        "prompt_id", pl.col("reward_total"), "trace_id", descending=[False, True, False], nulls_last=True
    )
    marked = by_quality.with_columns(is_repeat=pl.int_range(pl.len()).over("prompt_id", "text_hash") > 0)
    turn = pl.int_range(pl.len()).over("prompt_id", "is_repeat", "reward_total", "model")
    in_turns = marked.with_columns(turn=turn).sort(
        "prompt_id",
        "is_repeat",
        "reward_total",
        "turn",
        "trace_id",
        descending=[False, False, True, False, False],
        nulls_last=True,
    )
    return in_turns.with_columns(rank=pl.int_range(1, pl.len() + 1).over("prompt_id", "is_repeat").cast(pl.Int64))
