"""OR4: conversations taken over (OR2) and answers after a prompted chain of thought (OR6), as rows for the mix."""

import polars as pl

from openreason_dagster.domain.datasets.turns import assistant_turn, exchange
from openreason_dagster.domain.recipe_non_reasoning import NonReasoningData
from openreason_dagster.domain.schemas import NON_REASONING_DATA, NON_REASONING_DATA_DROPPED

NOT_SAMPLED = "-"
"""Model and temperature of a conversation that was taken over; no catalogue name can be this."""


def ranked_rows(chat: pl.LazyFrame, cot: pl.LazyFrame, rules: NonReasoningData) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Rows of non_reasoning_data and of its side table, by trace_id, from the tables of OR2 and OR6.

    Of the rows of a prompt those with a chain of thought come first, then by trace_id. Texts are joined to the chosen
    keys, so that only keys are held to rank them.
    """
    keys = pl.concat(
        [
            chat.select("prompt_id", trace_id="conversation_id", origin=pl.lit("chat_sft_data")),
            cot.select("prompt_id", "trace_id", origin=pl.lit("cot_prompted_traces")),
        ],
        how="diagonal",
    )
    ordered = keys.sort("prompt_id", pl.col("origin") == "chat_sft_data", "trace_id")
    ranked = ordered.with_columns(rank=pl.int_range(1, pl.len() + 1).over("prompt_id").cast(pl.Int64))
    kept = ranked.filter(pl.col("rank") <= rules.rows_per_prompt).drop("prompt_id")
    dropped = ranked.filter(pl.col("rank") > rules.rows_per_prompt).with_columns(reason=pl.lit("over_prompt_limit"))
    rows = pl.concat([_chat_rows(chat), _cot_rows(cot)]).join(kept, on="trace_id", how="inner")
    return rows.select(NON_REASONING_DATA.schema.names()), dropped.select(NON_REASONING_DATA_DROPPED.schema.names())


_SHARED = ("trace_id", "prompt_id", "model", "temperature", "domain", "language", "source", "license", "messages")


def _chat_rows(chat: pl.LazyFrame) -> pl.LazyFrame:
    nobody = pl.lit(NOT_SAMPLED)
    return chat.rename({"conversation_id": "trace_id"}).with_columns(model=nobody, temperature=nobody).select(_SHARED)


def _cot_rows(cot: pl.LazyFrame) -> pl.LazyFrame:
    return cot.with_columns(messages=exchange("prompt", assistant_turn())).select(_SHARED)
