"""What the SFT mix is made of: narrow rows of every component to choose among, and their conversations."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from openreason_dagster.domain.curation.buckets import with_buckets, with_topic
from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.datasets.sft_mix import CHOSEN_COLUMNS, Mix, conversations, quotas
from openreason_dagster.domain.recipe_datasets import SftMix
from openreason_dagster.domain.schemas import SFT_MIX, SFT_MIX_DROPPED

Frames = Mapping[str, pl.LazyFrame]

_KEYS = ("trace_id", "prompt_id", "model", "temperature", "domain", "rank", "reward_total")
_DESCRIPTION = ("component", "source", "language", "completion_tokens")
_NO_TOKENS = pl.lit(None, pl.Int64).alias("completion_tokens")
_TEXTS = ("trace_id", "prompt_id", "reasoning", "answer")
_CHAT = ("trace_id", "prompt_id", "language", "source", "license", "messages")
TEXTS: Mapping[str, tuple[str, Sequence[str | pl.Expr]]] = {
    "reasoning_data": ("sampled_traces", (*_TEXTS, "completion_tokens")),
    "cold_start_data": ("cold_start_data", (*_TEXTS, _NO_TOKENS)),
    "non_reasoning_data": ("non_reasoning_data", (*_CHAT, _NO_TOKENS)),
}
"""Where the texts of a component are: a table, and its columns; no partition column is among them."""
_ROWS_PER_FRAME = 1_000


def component_rows(tables: Frames) -> pl.LazyFrame:
    """Candidates of the mix: reasoning_data (OR3), cold_start_data (OR1) and non_reasoning_data (OR4).

    Each has its source, language, tokens (null where nobody counted them), cluster, topic and buckets. A prompt that
    prompt_clusters does not know is a cluster of its own; one that prompt_statistics does not is of unknown difficulty.
    """
    prompts = tables["prompt_pool"].select("prompt_id", "source", "language")
    tokens = tables["sampled_traces"].select("trace_id", "completion_tokens")
    parts = {
        "reasoning_data": _with(
            prompts, _with(tokens, tables["reasoning_data"].select(_KEYS), "trace_id"), "prompt_id"
        ),
        "cold_start_data": _with(prompts, tables["cold_start_data"].select(*_KEYS, _NO_TOKENS), "prompt_id"),
        "non_reasoning_data": tables["non_reasoning_data"].with_columns(
            _NO_TOKENS, reward_total=pl.lit(None, pl.Float64)
        ),
    }
    rows = pl.concat(
        [part.with_columns(component=pl.lit(name)).select(*_KEYS, *_DESCRIPTION) for name, part in parts.items()]
    )
    grouped = with_topic(with_cluster(rows, tables["prompt_clusters"]), tables["prompt_pool"])
    return with_buckets(grouped, tables["prompt_statistics"])


def _with(description: pl.LazyFrame, rows: pl.LazyFrame, key: str) -> pl.LazyFrame:
    return rows.join(description, on=key, how="left", maintain_order="left")


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


def mixed_conversations(chosen: pl.DataFrame, tables: Frames) -> Iterator[pl.DataFrame]:
    """Rows of sft_mix in frames of bounded size, component by component.

    `chosen` are rows of `component_rows` with their split.
    """
    prompts = pool_prompts(chosen, tables)
    for rows in chosen.sort("component", maintain_order=True).partition_by("component", maintain_order=True):
        yield from component_conversations(rows, tables, prompts=prompts)


def component_conversations(rows: pl.DataFrame, tables: Frames, *, prompts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows of sft_mix in frames of bounded size: those of one component whose texts are in the tables.

    `rows` are rows of `component_rows` with their split, `prompts` is as of `pool_prompts`.
    """
    texts = component_texts(rows, tables)
    if component_of(rows) == "non_reasoning_data":
        yield from _taken_over(rows, texts)
    else:
        yield from conversations(rows, texts, prompts=prompts)


def component_of(rows: pl.DataFrame) -> str:
    """The component that all rows are of."""
    (name,) = rows["component"].unique()
    return str(name)


def component_texts(rows: pl.DataFrame, tables: Frames) -> Iterator[pl.DataFrame]:
    """What the rows of one component have beside their keys, in frames of bounded size.

    Of reasoning_data and cold_start_data these are trace_id, prompt_id, reasoning, answer and completion_tokens; of
    non_reasoning_data trace_id, prompt_id, language, source, license, messages and completion_tokens. Filtered and not
    joined, because a join would hold all texts.
    """
    table, columns = TEXTS[component_of(rows)]
    wanted = tables[table].select(columns).filter(pl.col("trace_id").is_in(rows["trace_id"].implode()))
    yield from wanted.collect_batches(chunk_size=_ROWS_PER_FRAME, engine="streaming")


def pool_prompts(rows: pl.DataFrame, tables: Frames) -> pl.DataFrame:
    """Prompts of the pool that the rows are about: prompt_id, prompt, language, source and license."""
    ids = rows.filter(pl.col("component") != "non_reasoning_data")["prompt_id"].unique().implode()
    pool = tables["prompt_pool"].select("prompt_id", "prompt", "language", "source", "license")
    return pool.filter(pl.col("prompt_id").is_in(ids)).collect(engine="streaming")


def _taken_over(rows: pl.DataFrame, texts: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    for part in texts:
        yield part.drop("prompt_id").join(rows.select(CHOSEN_COLUMNS), on="trace_id").select(SFT_MIX.schema.names())
