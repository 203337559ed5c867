"""OR6, first half: which non-reasoning prompts are answered after a chain of thought, and why not the rest."""

from collections.abc import Iterable, Mapping

import polars as pl

from openreason_dagster.domain.recipe_non_reasoning import CotPrompted
from openreason_dagster.domain.schemas import COT_PROMPTED_TRACES_DROPPED
from openreason_dagster.domain.writing.triage import triage

_TRIAGED = pl.Schema(dict.fromkeys(("prompt_id", "source", "reason", "detail"), pl.String()))
_SHARED = ("prompt_id", "source", "domain", "language", "license", "prompt")
_VERIFIED_BY = ("reference_answer", "verifier", "verifier_spec")


def non_reasoning_prompts(tables: Mapping[str, pl.LazyFrame], rules: CotPrompted) -> pl.LazyFrame:
    """Prompts of single exchanges of chat_sft_data, and of the pool's domains that the recipe names, by prompt_id.

    Columns: prompt_id, source, domain, language, license, prompt; reference_answer, verifier and verifier_spec, which
    are null for prompts of conversations.
    """
    exchanges = tables["chat_sft_data"].filter(pl.col("messages").list.len() == 2).sort("prompt_id", "conversation_id")
    opening = pl.col("messages").list.first().struct.field("content")
    nothing = {name: pl.lit(None, pl.String) for name in _VERIFIED_BY}
    of_chat = (
        exchanges.unique("prompt_id", keep="first", maintain_order=True)
        .with_columns(prompt=opening, **nothing)
        .select(*_SHARED, *_VERIFIED_BY)
    )
    of_pool = tables["prompt_pool"].filter(pl.col("domain").is_in(rules.domains)).select(*_SHARED, *_VERIFIED_BY)
    return pl.concat([of_chat, of_pool]).sort("prompt_id")


def triaged(batches: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """prompt_id, source, and of prompts that get no chain of thought reason and detail."""
    rows = [
        {"prompt_id": prompt_id, "source": source, "reason": reason, "detail": prompt[:80] if reason else None}
        for batch in batches
        for prompt_id, source, prompt in batch.select("prompt_id", "source", "prompt").iter_rows()
        for reason in [triage(prompt)]
    ]
    return pl.DataFrame(rows, schema=_TRIAGED)


def choose_prompts(rows: pl.DataFrame, rules: CotPrompted) -> tuple[pl.DataFrame, pl.DataFrame]:
    """prompt_id of the prompts to ask, by prompt_id, and rows of cot_prompted_traces_dropped for the others."""
    asked = rows.filter(pl.col("reason").is_null()).sort("prompt_id").with_row_index("place", offset=1)
    most = asked.height if rules.prompts is None else rules.prompts
    over = asked.filter(pl.col("place") > most).with_columns(
        reason=pl.lit("over_row_limit"), detail=pl.format("prompt {} of at most " + str(most), "place")
    )
    dropped = pl.concat([rows.filter(pl.col("reason").is_not_null()), over.drop("place")])
    names = COT_PROMPTED_TRACES_DROPPED.schema.names()
    return asked.filter(pl.col("place") <= most).select("prompt_id"), dropped.select(names).sort("prompt_id")
