"""OR1, first half: which correct traces are worth rewriting, and why not the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.recipe_cold_start import ColdStart
from openreason_dagster.domain.schemas import COLD_START_DATA_DROPPED
from openreason_dagster.domain.writing.readability import repeated_shares

_KEYS = ("trace_id", "prompt_id", "model", "temperature")
_FEATURES = pl.Schema(
    {
        **dict.fromkeys(_KEYS, pl.String()),
        "domain": pl.String(),
        "reward_format": pl.Float64(),
        "reward_language_consistency": pl.Float64(),
        "reward_total": pl.Float64(),
        "repeated_share": pl.Float64(),
    }
)


@dataclass(frozen=True)
class Chosen:
    """Candidates to rewrite, and those left out with reason and detail; together every candidate once."""

    kept: pl.DataFrame
    """trace_id, prompt_id, model, temperature, domain, reward_total, rank."""
    dropped: pl.DataFrame


def correct_traces(tables: Mapping[str, pl.LazyFrame], temperature: str) -> pl.LazyFrame:
    """Traces at a temperature with the verdict correct: keys, domain, rewards and reasoning."""
    verdicts = tables["verified_traces"].filter(pl.col("verdict") == "correct").select("trace_id")
    rewards = tables["scored_traces"].select("trace_id", "reward_format", "reward_language_consistency", "reward_total")
    return (
        tables["sampled_traces"]
        .filter(pl.col("temperature") == temperature)
        .select(*_KEYS, "reasoning")
        .join(verdicts.unique("trace_id"), on="trace_id", how="inner")
        .join(tables["prompt_pool"].select("prompt_id", "domain"), on="prompt_id", how="inner")
        .join(rewards, on="trace_id", how="left")
    )


def measured(batches: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Narrow rows of all candidates: the reasoning's repeated share stands in its place."""
    narrow = [
        batch.with_columns(repeated_share=pl.Series(repeated_shares(batch["reasoning"]), dtype=pl.Float64))
        for batch in batches
    ]
    frames = [batch.select(_FEATURES.names()).cast(_FEATURES) for batch in narrow]
    return pl.concat([pl.DataFrame(schema=_FEATURES), *frames])


def choose_candidates(rows: pl.DataFrame, rules: ColdStart) -> Chosen:
    """Apply the filters in order, then keep the best traces of each prompt, and prompts of the domains in turn.

    `rows` is what `measured` gives; the result does not depend on their order.
    """
    judged = rows.with_columns(_first_reason(rules))
    ranked = _ranked(judged.filter(pl.col("reason").is_null()), rules)
    both = pl.concat([judged.filter(pl.col("reason").is_not_null()), ranked], how="diagonal")
    dropped = both.filter(pl.col("reason").is_not_null()).select(COLD_START_DATA_DROPPED.schema.names())
    kept = ranked.filter(pl.col("reason").is_null()).sort("trace_id")
    return Chosen(kept.select(*_KEYS, "domain", "reward_total", "rank"), dropped.sort("trace_id"))


def _first_reason(rules: ColdStart) -> list[pl.Expr]:
    consistency, repeated = pl.col("reward_language_consistency"), pl.col("repeated_share")
    least, most = rules.minimum_language_consistency, rules.maximum_repeated_share
    is_mixed = (consistency < least).fill_null(value=False) if least is not None else pl.lit(value=False)
    is_repetitive = repeated > most if most is not None else pl.lit(value=False)
    has_bad_format = pl.col("reward_format").fill_null(0.0) < 1
    reason = (
        pl.when(has_bad_format)
        .then(pl.lit("bad_format"))
        .when(is_mixed)
        .then(pl.lit("mixed_language"))
        .when(is_repetitive)
        .then(pl.lit("repetitive"))
    )
    detail = (
        pl.when(has_bad_format)
        .then(pl.lit("the reasoning is not enclosed in one think block"))
        .when(is_mixed)
        .then(pl.format("{} of the words are in the prompt's language", consistency.round(3)))
        .when(is_repetitive)
        .then(pl.format("{} of the words were said before", repeated.round(3)))
    )
    return [reason.alias("reason"), detail.alias("detail")]


def _ranked(rows: pl.DataFrame, rules: ColdStart) -> pl.DataFrame:
    best_first = rows.sort("prompt_id", "reward_total", "trace_id", descending=[False, True, False], nulls_last=True)
    ranked = best_first.with_columns(rank=pl.int_range(1, pl.len() + 1).over("prompt_id").cast(pl.Int64))
    prompts = ranked.select("prompt_id", "domain").unique("prompt_id").sort("prompt_id")
    in_turn = prompts.with_columns(turn=pl.int_range(pl.len()).over("domain")).sort("turn", "domain")
    places = in_turn.select("prompt_id", place=pl.int_range(1, pl.len() + 1))
    over_prompt = pl.col("rank") > rules.traces_per_prompt
    over_rows = pl.col("place") > (prompts.height if rules.prompts is None else rules.prompts)
    return ranked.join(places, on="prompt_id", how="left", maintain_order="left").with_columns(
        reason=pl.when(over_rows).then(pl.lit("over_row_limit")).when(over_prompt).then(pl.lit("over_prompt_limit")),
        detail=pl.when(over_rows)
        .then(pl.format("prompt {} of at most " + str(rules.prompts), "place"))
        .when(over_prompt)
        .then(pl.format("trace {} of at most " + str(rules.traces_per_prompt), "rank")),
    )
