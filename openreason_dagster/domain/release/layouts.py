"""The layouts in which trainers read a release: how rows of a table become rows of each configuration.

Columns beside those that trainers look for say where a row comes from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from openreason_dagster.domain.datasets.sft_mix import THOUGHT
from openreason_dagster.domain.inference.prompts import PLACEHOLDER
from openreason_dagster.domain.recipe_formats import Format
from openreason_dagster.domain.records import Message
from openreason_dagster.domain.release.row_files import Suffix

_SHAREGPT_NAMES = {"system": "system", "user": "human", "assistant": "gpt"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """How a policy is asked: messages that hold `{prompt}` where the prompt belongs, sent as such or as plain text."""

    messages: Sequence[Message]
    form: Literal["messages", "text"]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What one configuration is made of."""

    table: str
    """The table its rows come from, one row each."""
    key: str
    """Column that identifies a row in the table and in the files."""
    arrange: Callable[[pl.LazyFrame, Question], pl.LazyFrame]
    """From rows of the table to rows of the files, in the same order."""
    suffix: Suffix = "parquet"
    """JSON lines are read by their path: the configurations of a folder are all of one type of file."""
    labels: frozenset[str] | None = None
    """Values of the column `label` of the rows that are written; None where every row of the table is."""

    def rows_of(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """The rows of the table that are written."""
        return table if self.labels is None else table.filter(pl.col("label").is_in(self.labels))


def _messages_without_tags(rows: pl.LazyFrame, _: Question) -> pl.LazyFrame:
    role = pl.element().struct.field("role")
    separate = pl.struct(role, _answer().alias("content"), _reasoning().alias("reasoning_content"))
    return rows.with_columns(pl.col("messages").list.eval(separate))


def _prompt_completion(rows: pl.LazyFrame, _: Question) -> pl.LazyFrame:
    turns = pl.col("messages").list
    return rows.with_columns(prompt=turns.head(turns.len() - 1), completion=turns.tail(1)).drop("messages")


def _prompt_completion_without_tags(rows: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    return _prompt_completion(_messages_without_tags(rows, question), question)


def _sharegpt(rows: pl.LazyFrame, _: Question) -> pl.LazyFrame:
    return rows.with_columns(conversations=_conversations(pl.element().struct.field("content"))).drop("messages")


def _sharegpt_without_tags(rows: pl.LazyFrame, _: Question) -> pl.LazyFrame:
    reasoning = pl.col("messages").list.last().struct.field("content").str.extract(THOUGHT, 1)
    return rows.with_columns(conversations=_conversations(_answer()), reasoning=reasoning).drop("messages")


def _rl_prompts(rows: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    if question.form == "messages":
        return rows.with_columns(prompt=_asked(question.messages))
    return rows.with_columns(prompt=pl.concat_str([_content(message) for message in question.messages], separator="\n"))


def _rl_prompts_verl(rows: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    ground_truth = pl.struct(style=pl.lit("rule"), ground_truth=pl.col("reference_answer").fill_null(""))
    extra = ("split", "prompt_id", "language", "verifier", "verifier_spec", "license", "pass_rate", "difficulty_band")
    return rows.select(
        "prompt_id",
        data_source="source",
        prompt=_asked(question.messages),
        ability="domain",
        reward_model=ground_truth,
        extra_info=pl.struct(*extra, index=pl.int_range(pl.len(), dtype=pl.Int64)),
    )


def _rl_prompts_jsonl(rows: pl.LazyFrame, _: Question) -> pl.LazyFrame:
    return rows


def _preference(rows: pl.LazyFrame, _: Question) -> pl.LazyFrame:
    sides = {side: _turn("assistant", pl.col(side)) for side in ("chosen", "rejected")}
    return rows.with_columns(prompt=_turn("user", pl.col("prompt")), **sides)


def _safety(rows: pl.LazyFrame, _: Question) -> pl.LazyFrame:
    return rows.with_columns(
        prompt=_turn("user", pl.col("prompt")),
        completion=_turn("assistant", pl.col("answer")),
        label=pl.col("label") == "safe",
    ).drop("answer")


LAYOUTS: Mapping[Format, Layout] = {
    "messages_without_tags": Layout(table="sft_mix", key="trace_id", arrange=_messages_without_tags),
    "prompt_completion": Layout(table="sft_mix", key="trace_id", arrange=_prompt_completion),
    "prompt_completion_without_tags": Layout(table="sft_mix", key="trace_id", arrange=_prompt_completion_without_tags),
    "sharegpt": Layout(table="sft_mix", key="trace_id", arrange=_sharegpt),
    "sharegpt_without_tags": Layout(table="sft_mix", key="trace_id", arrange=_sharegpt_without_tags),
    "rl_prompts": Layout(table="rl_prompts", key="prompt_id", arrange=_rl_prompts),
    "rl_prompts_verl": Layout(table="rl_prompts", key="prompt_id", arrange=_rl_prompts_verl),
    "rl_prompts_jsonl": Layout(table="rl_prompts", key="prompt_id", arrange=_rl_prompts_jsonl, suffix="jsonl"),
    "preference": Layout(table="preference_pairs", key="pair_id", arrange=_preference),
    "safety": Layout(table="safety_set", key="trace_id", arrange=_safety, labels=frozenset({"safe", "unsafe"})),
}
"""By name of the configuration, which is that of its folder."""


def _is_assistant() -> pl.Expr:
    return pl.element().struct.field("role") == "assistant"


def _reasoning() -> pl.Expr:
    """The reasoning of an assistant's turn; null for other turns and where there is none."""
    return pl.when(_is_assistant()).then(pl.element().struct.field("content").str.extract(THOUGHT, 1))


def _answer() -> pl.Expr:
    """A turn's text without the reasoning."""
    content = pl.element().struct.field("content")
    return pl.when(_is_assistant()).then(pl.coalesce(content.str.extract(THOUGHT, 2), content)).otherwise(content)


def _conversations(value: pl.Expr) -> pl.Expr:
    speaker = pl.element().struct.field("role").replace_strict(_SHAREGPT_NAMES, return_dtype=pl.String)
    return pl.col("messages").list.eval(pl.struct(speaker.alias("from"), value.alias("value")))


def _turn(role: str, content: pl.Expr) -> pl.Expr:
    return pl.concat_list(pl.struct(pl.lit(role).alias("role"), content.alias("content")))


def _asked(messages: Sequence[Message]) -> pl.Expr:
    return pl.concat_list(
        pl.struct(pl.lit(message.role).alias("role"), _content(message).alias("content")) for message in messages
    )


def _content(message: Message) -> pl.Expr:
    """A message with the column `prompt` at its place in the user's; braces within the prompt have no meaning."""
    if message.role != "user":
        return pl.lit(message.content)
    first, *others = message.content.split(PLACEHOLDER)
    return pl.concat_str(pl.lit(first), *(part for text in others for part in (pl.col("prompt"), pl.lit(text))))
