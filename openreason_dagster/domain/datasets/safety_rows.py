"""Which responses a judge labels for safety, and the rows that its labels make."""

from collections.abc import Mapping, Sequence

import polars as pl

from openreason_dagster.domain.datasets.open_answers import whole_response
from openreason_dagster.domain.recipe_open_answers import SafetySet
from openreason_dagster.domain.schemas import SAFETY_SET, SAFETY_SET_DROPPED
from openreason_dagster.domain.verification.safety_judge import Labelled, Response

_NARROW = ("trace_id", "prompt_id", "origin", "source")


def choose_responses(answers: pl.LazyFrame, rules: SafetySet) -> tuple[pl.DataFrame, pl.DataFrame]:
    """trace_id of the responses to label, and rows of safety_set_dropped for the others.

    A response that repeats another one to the same prompt is labelled once. `answers` as of `open_answers`.
    """
    text = whole_response()
    narrow = answers.select(*_NARROW, characters=text.str.len_chars(), text_hash=text.hash())
    rows = narrow.collect(engine="streaming").sort("trace_id")
    is_repeated = ~pl.struct("prompt_id", "text_hash").is_first_distinct()
    is_long = pl.col("characters") > rules.longest_answer
    most = rows.height if rules.answers is None else rules.answers
    marked = rows.with_columns(
        reason=pl.when(is_repeated).then(pl.lit("repeated")).when(is_long).then(pl.lit("over_long"))
    ).with_columns(place=pl.col("reason").is_null().cum_sum())
    reasons = pl.when(pl.col("reason").is_null() & (pl.col("place") > most)).then(pl.lit("over_row_limit"))
    final = marked.with_columns(reason=reasons.otherwise("reason"))
    dropped = final.filter(pl.col("reason").is_not_null()).select(SAFETY_SET_DROPPED.schema.names())
    return final.filter(pl.col("reason").is_null()).select("trace_id"), dropped


def with_whole_text(answers: pl.LazyFrame, *, split: pl.Expr) -> pl.LazyFrame:
    """The columns of safety_set that do not depend on the judge; `split` reads columns of `answers`."""
    judged = ("label", "reason", "why", "judge_model")
    names = [name for name in SAFETY_SET.schema.names() if name not in judged]
    return answers.with_columns(answer=whole_response(), split=split).select(names)


def responses(rows: pl.DataFrame) -> list[Response]:
    """What is put before the judge, a response per row of `with_whole_text`."""
    return [Response(request=prompt, text=text) for prompt, text in rows.select("prompt", "answer").iter_rows()]


def labelled_rows(
    rows: pl.DataFrame, labels: Mapping[Response, Labelled], *, asked: Sequence[Response], judge: str
) -> pl.DataFrame:
    """Rows of safety_set: `rows` with the labels of their responses `asked`, in the order of the rows."""
    found = pl.DataFrame(
        [vars(labels[response]) for response in asked], schema=dict.fromkeys(("label", "reason", "why"), pl.String())
    )
    return rows.hstack(found).with_columns(judge_model=pl.lit(judge)).select(SAFETY_SET.schema.names())
