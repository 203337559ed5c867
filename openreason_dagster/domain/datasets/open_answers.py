"""Answers that no verifier decides about: of conversations, after a prompted chain of thought, and undecided traces."""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.datasets.turns import assistant_turn
from openreason_dagster.domain.recipe_open_answers import OpenAnswers
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification.answer_judge import RATING

_COLUMNS = (
    "trace_id", "prompt_id", "origin", "source", "domain", "language", "license", "prompt", "reasoning", "answer",
)  # fmt: skip
_OF_PROMPT = ("prompt_id", "source", "domain", "language", "license", "prompt")


def open_answers(tables: Mapping[str, pl.LazyFrame], rules: OpenAnswers) -> pl.LazyFrame:
    """trace_id, prompt_id, origin, source, domain, language, license, prompt, reasoning and answer; none blank.

    Args:
        tables: the recipe's chat_sft_data, cot_prompted_traces, sampled_traces, verified_traces and prompt_pool.
        rules: whose sources and domains are taken.

    `origin` is the table that an answer is from; `trace_id` its identity there. Of conversations single exchanges are
    taken, of the pool's prompts those of which no sample has the verdict correct or incorrect; an answer that was cut
    at the token limit is none.
    """
    parts = [_of_conversations(tables), _after_thinking(tables), _undecided(tables, rules)]
    rows = pl.concat([part.select(_COLUMNS) for part in parts])
    wanted = rows if rules.sources is None else rows.filter(pl.col("source").is_in(rules.sources))
    return wanted.filter(pl.col("answer").str.contains(r"\S"))


def whole_response() -> pl.Expr:
    """The text of `reasoning` and `answer` as one turn; the answer alone where there is no reasoning."""
    is_bare = pl.col("reasoning").str.strip_chars() == ""
    return pl.when(is_bare).then(pl.col("answer").str.strip_chars()).otherwise(assistant_turn())


def _of_conversations(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    turns = pl.col("messages").list
    return (
        tables["chat_sft_data"]
        .filter(turns.len() == 2)
        .with_columns(
            trace_id="conversation_id",
            origin=pl.lit("chat_sft_data"),
            prompt=turns.first().struct.field("content"),
            reasoning=pl.lit(""),
            answer=turns.last().struct.field("content"),
        )
    )


def _after_thinking(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """A prompt that has a verifier was judged by it, so that nothing is open about it; a rating decides less."""
    by_rating = pl.col("verifier_version").str.starts_with(RATING)
    return (
        tables["cot_prompted_traces"]
        .filter(pl.col("verdict").is_null() | by_rating)
        .with_columns(origin=pl.lit("cot_prompted_traces"))
    )


def _undecided(tables: Mapping[str, pl.LazyFrame], rules: OpenAnswers) -> pl.LazyFrame:
    known = (Verdict.CORRECT.value, Verdict.INCORRECT.value)
    decided = tables["verified_traces"].filter(pl.col("verdict").is_in(known)).select("prompt_id")
    prompts = tables["prompt_pool"].filter(pl.col("domain").is_in(rules.domains)).select(_OF_PROMPT)
    whole = tables["sampled_traces"].filter(pl.col("finish_reason").ne_missing("length"))
    return (
        whole.select("trace_id", "prompt_id", "reasoning", "answer")
        .join(prompts, on="prompt_id", how="inner")
        .join(decided, on="prompt_id", how="anti")
        .with_columns(origin=pl.lit("sampled_traces"))
    )
