"""Candidates of the mix that repeat another one word for word: a writer changed nothing, or a source is there twice."""

from collections.abc import Iterator

import polars as pl

from openreason_dagster.domain.datasets.components import Frames, component_texts, pool_prompts
from openreason_dagster.domain.datasets.sft_mix import Mix
from openreason_dagster.domain.datasets.turns import assistant_turn, conversation_hash, exchange
from openreason_dagster.domain.recipe_datasets import SftMix
from openreason_dagster.domain.schemas import SFT_MIX_DROPPED


def without_repeated(candidates: pl.DataFrame, tables: Frames, rules: SftMix) -> Mix:
    """Candidates whose conversation no other one has, and the others with the reason `duplicate`.

    Of equal rows the first stays, by component (those that the recipe wants first; then cold_start_data, the smallest),
    rank and trace_id.
    Traces of reasoning_data differ from each other by then, so that of these only those are read whose prompt is in
    another component too.
    """
    written = candidates.filter(pl.col("component") != "reasoning_data")
    sampled = candidates.filter(component="reasoning_data").join(written, on="prompt_id", how="semi")
    compared = pl.concat([written, sampled])
    if compared.is_empty():
        return Mix(candidates, SFT_MIX_DROPPED.frame([]))
    texts = pl.concat(_text_hashes(compared, tables))
    unwanted = pl.col("component").is_in([name for name, share in (rules.component_shares or {}).items() if share == 0])
    ordered = compared.join(texts, on="trace_id").sort(unwanted, "component", "rank", "trace_id")
    repeated = ordered.filter(~pl.col("text").is_first_distinct()).with_columns(reason=pl.lit("duplicate"))
    left = candidates.join(repeated, on="trace_id", how="anti", maintain_order="left")
    return Mix(left, repeated.select(SFT_MIX_DROPPED.schema.names()).sort("trace_id"))


def _text_hashes(rows: pl.DataFrame, tables: Frames) -> Iterator[pl.DataFrame]:
    """trace_id and `text`, a hash of the conversation turn by turn."""
    prompts = pool_prompts(rows, tables).select("prompt_id", "prompt")
    for component in rows.partition_by("component", maintain_order=True):
        asked = component.select("trace_id", "prompt_id").join(prompts, on="prompt_id").select("trace_id", "prompt")
        for part in component_texts(component, tables):
            yield _conversations(part, asked).select("trace_id", text=conversation_hash())


def _conversations(texts: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The texts with `messages`; of one that has none, the question of its trace and its answer."""
    if "messages" in texts.columns:
        return texts
    return texts.join(asked, on="trace_id").with_columns(messages=exchange("prompt", assistant_turn()))
