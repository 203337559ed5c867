"""What the SFT mix is made of: narrow rows of every component to choose among, and their conversations."""

from collections.abc import Iterator, Mapping

import polars as pl

from openreason_dagster.domain.datasets.sft_mix import Mix, conversations, quotas
from openreason_dagster.domain.datasets.turns import assistant_turn, exchange
from openreason_dagster.domain.recipe_datasets import SftMix
from openreason_dagster.domain.schemas import SFT_MIX, SFT_MIX_DROPPED

_NARROW = ("trace_id", "prompt_id", "model", "temperature", "domain", "rank", "reward_total", "component")


def component_rows(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Candidates of the mix: reasoning_data (OR3), cold_start_data (OR1) and non_reasoning_data (OR4)."""
    no_reward = {"reward_total": pl.lit(None, pl.Float64)}
    extra = {"reasoning_data": {}, "cold_start_data": {}, "non_reasoning_data": no_reward}
    return pl.concat(
        [tables[name].with_columns(component=pl.lit(name), **more).select(_NARROW) for name, more in extra.items()]
    )


def cut_to_shares(candidates: pl.DataFrame, rules: SftMix) -> Mix:
    """Candidates within the recipe's shares of components, the best rank of each prompt first, and the others.

    Without shares all are within. Domains are cut afterwards, of what is left.

    Raises:
        ReleaseError: a component with a share has no row.
    """
    if rules.component_shares is None or candidates.is_empty():
        return Mix(candidates, SFT_MIX_DROPPED.frame([]))
    available = dict(candidates["component"].value_counts().iter_rows())
    quota = pl.col("component").replace_strict(
        quotas("component", available, rules.component_shares, most=rules.rows), default=0, return_dtype=pl.Int64
    )
    ordered = candidates.sort("component", "rank", "trace_id")
    placed = ordered.with_columns(place=pl.int_range(pl.len()).over("component"))
    over = placed.filter(pl.col("place") >= quota).with_columns(reason=pl.lit("over_component_share"))
    inside = placed.filter(pl.col("place") < quota).drop("place")
    return Mix(inside, over.select(SFT_MIX_DROPPED.schema.names()).sort("trace_id"))


def mixed_conversations(chosen: pl.DataFrame, tables: Mapping[str, pl.LazyFrame]) -> Iterator[pl.LazyFrame]:
    """Rows of sft_mix, one frame per component, each by split and trace_id.

    `chosen` are rows of `component_rows` with their split.
    """
    parts = {name: chosen.filter(component=name).lazy() for name in chosen["component"].unique().sort()}
    if "reasoning_data" in parts:
        yield conversations(parts["reasoning_data"], tables["sampled_traces"], pool=tables["prompt_pool"])
    if "cold_start_data" in parts:
        yield _rewritten(parts["cold_start_data"], tables)
    if "non_reasoning_data" in parts:
        rows = tables["non_reasoning_data"].select("trace_id", "language", "source", "license", "messages")
        yield _in_order(parts["non_reasoning_data"].join(rows, on="trace_id", how="inner"))


def _rewritten(chosen: pl.LazyFrame, tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    texts = tables["cold_start_data"].select("trace_id", "reasoning", "answer")
    prompts = tables["prompt_pool"].select("prompt_id", "prompt", "language", "source", "license")
    joined = chosen.join(texts, on="trace_id", how="inner").join(prompts, on="prompt_id", how="inner")
    return _in_order(joined.with_columns(messages=exchange("prompt", assistant_turn())))


def _in_order(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows whose tokens nobody counted, with the columns of the mix."""
    tokens = pl.lit(None, pl.Int64).alias("completion_tokens")
    return rows.with_columns(tokens).select(SFT_MIX.schema.names()).sort("split", "trace_id")
