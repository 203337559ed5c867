"""Preference pairs of verified traces: a correct and a wrong answer to one prompt, of similar length."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.datasets.turns import assistant_turn
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_preference import PreferencePairs
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import PREFERENCE_PAIRS, PREFERENCE_PAIRS_DROPPED

METHOD = "verified"
_PAIRS = pl.Schema({
    **dict.fromkeys(("pair_id", "prompt_id", "chosen_trace_id", "rejected_trace_id"), pl.String()),
    "chosen_characters": pl.Int64(), "rejected_characters": pl.Int64(),
})  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """Pairs without their texts, and the prompts without a pair; together every prompt of the pool."""

    made: pl.DataFrame
    dropped: pl.DataFrame


@dataclass(frozen=True, order=True)
class Answer:
    """One trace to be paired."""

    characters: int
    trace_id: str
    is_correct: bool


def judged_traces(sampled: pl.LazyFrame, verified: pl.LazyFrame, *, scored: pl.LazyFrame) -> pl.LazyFrame:
    """One narrow row per trace with verdict correct or incorrect: its length, and a hash in place of the text."""
    reasoning, answer = pl.col("reasoning"), pl.col("answer")
    narrow = sampled.select(
        "trace_id",
        "prompt_id",
        "finish_reason",
        characters=(reasoning.str.len_chars() + answer.str.len_chars()).cast(pl.Int64),
        text_hash=pl.concat_str("reasoning", pl.lit("\x1f"), "answer").hash(),
    )
    known = verified.filter(pl.col("verdict").is_in([Verdict.CORRECT.value, Verdict.INCORRECT.value]))
    return narrow.join(known.select("trace_id", "is_correct"), on="trace_id", how="inner").join(
        scored.select("trace_id", "reward_format"), on="trace_id", how="left"
    )


def make_pairs(
    traces: pl.DataFrame, pool: pl.DataFrame, rules: PreferencePairs, *, doubted: Collection[str] = ()
) -> Pairs:
    """Pair the traces of each prompt; `traces` as of `judged_traces`, `pool` with prompt_id and domain.

    Prompts in `doubted`, whose references are suspect, get no pair. A trace cut at the token limit is not used, nor is
    a text a second time. The result does not depend on the order of the rows.
    """
    is_doubted = pl.col("prompt_id").is_in(list(doubted))
    paired = pool.filter(~is_doubted).select("prompt_id")
    usable = _usable(traces, rules).join(paired, on="prompt_id", how="semi")
    rows = [
        _row(prompt_id, chosen, rejected)
        for prompt_id, answers in _answers_by_prompt(usable)
        for chosen, rejected in nearest_in_length(answers, rules.pairs_per_prompt, longest_ratio=rules.longest_ratio)
    ]
    made = pl.DataFrame(rows, schema=_PAIRS, orient="row").sort("pair_id")
    unpaired = _dropped(traces, usable, pool=pool.join(made, on="prompt_id", how="anti"))
    reason = pl.when(is_doubted).then(pl.lit("suspect_reference")).otherwise("reason")
    return Pairs(made, unpaired.with_columns(reason=reason))


def nearest_in_length(answers: Sequence[Answer], most: int, *, longest_ratio: float) -> list[tuple[Answer, Answer]]:
    """Up to `most` pairs of a correct and a wrong answer, the most similar in length first; no answer twice.

    In order of length the most similar two of different kind always stand side by side.
    """
    left, pairs = sorted(answers), list[tuple[Answer, Answer]]()
    while len(pairs) < most:
        neighbours = [
            (_ratio(left[place], left[place + 1]), place)
            for place in range(len(left) - 1)
            if left[place].is_correct != left[place + 1].is_correct
        ]
        ratio, place = min(neighbours, default=(float("inf"), 0))
        if ratio > longest_ratio:
            break
        first, second = left.pop(place), left.pop(place)
        pairs.append((first, second) if first.is_correct else (second, first))
    return pairs


def with_texts(made: pl.LazyFrame, sampled: pl.LazyFrame, *, pool: pl.LazyFrame, split: pl.Expr) -> pl.LazyFrame:
    """Rows of preference_pairs by pair_id: the pairs with prompts and answers; `split` reads columns of the pool."""
    is_bare = pl.col("reasoning").str.strip_chars() == ""
    turn = pl.when(is_bare).then(pl.col("answer").str.strip_chars()).otherwise(assistant_turn())
    turns = sampled.select("trace_id", turn=turn)
    prompts = pool.select("prompt_id", "prompt", "source", "domain", "language", "license", split=split)
    joined = made.join(prompts, on="prompt_id", how="inner")
    for side in ("chosen", "rejected"):
        texts = turns.rename({"trace_id": f"{side}_trace_id", "turn": side})
        joined = joined.join(texts, on=f"{side}_trace_id", how="inner")
    complete = joined.with_columns(method=pl.lit(METHOD), score_difference=pl.lit(None, pl.Float64))
    return complete.select(PREFERENCE_PAIRS.schema.names()).sort("pair_id")


def _usable(traces: pl.DataFrame, rules: PreferencePairs) -> pl.DataFrame:
    is_well_formed = pl.col("reward_format").fill_null(0.0) >= 1
    if rules.well_formed == "chosen":
        is_well_formed |= ~pl.col("is_correct")
    whole = traces.filter(is_well_formed & pl.col("finish_reason").ne_missing("length") & (pl.col("characters") > 0))
    return whole.sort("trace_id").unique(["prompt_id", "text_hash"], keep="first", maintain_order=True)


def _answers_by_prompt(usable: pl.DataFrame) -> Iterator[tuple[str, list[Answer]]]:
    columns = [pl.col("characters"), pl.col("trace_id"), pl.col("is_correct")]
    for prompt_id, *values in usable.group_by("prompt_id", maintain_order=True).agg(columns).iter_rows():
        yield prompt_id, [Answer(*answer) for answer in zip(*values, strict=True)]


def _ratio(shorter: Answer, longer: Answer) -> float:
    return longer.characters / shorter.characters


def _row(prompt_id: str, chosen: Answer, rejected: Answer) -> tuple[str, str, str, str, int, int]:
    pair_id = stable_hash([METHOD, chosen.trace_id, rejected.trace_id])
    return pair_id, prompt_id, chosen.trace_id, rejected.trace_id, chosen.characters, rejected.characters


def _dropped(traces: pl.DataFrame, usable: pl.DataFrame, *, pool: pl.DataFrame) -> pl.DataFrame:
    """Rows of preference_pairs_dropped for the prompts in `pool`."""
    counted = (
        pool.select("prompt_id", "domain")
        .join(_counts(traces, "correct", "incorrect"), on="prompt_id", how="left")
        .join(_counts(usable, "usable_correct", "usable_incorrect"), on="prompt_id", how="left")
        .with_columns(pl.col("correct", "incorrect", "usable_correct", "usable_incorrect").fill_null(0))
    )
    correct, incorrect = pl.col("correct"), pl.col("incorrect")
    reason = (
        pl.when(correct + incorrect == 0)
        .then(pl.lit("nothing_judged"))
        .when(correct == 0)
        .then(pl.lit("no_correct_trace"))
        .when(incorrect == 0)
        .then(pl.lit("no_incorrect_trace"))
        .when((pl.col("usable_correct") == 0) | (pl.col("usable_incorrect") == 0))
        .then(pl.lit("no_usable_trace"))
        .otherwise(pl.lit("no_similar_length"))
    )
    rows = counted.with_columns(method=pl.lit(METHOD), reason=reason)
    return rows.select(PREFERENCE_PAIRS_DROPPED.schema.names()).cast(PREFERENCE_PAIRS_DROPPED.schema).sort("prompt_id")


def _counts(traces: pl.DataFrame, correct: str, incorrect: str) -> pl.DataFrame:
    return traces.group_by("prompt_id").agg(
        pl.col("is_correct").sum().cast(pl.Int64).alias(correct),
        (~pl.col("is_correct")).sum().cast(pl.Int64).alias(incorrect),
    )
