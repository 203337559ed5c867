"""Rewards for rows of a file: `response`, or `reasoning` and `answer`; for accuracy also `is_correct`.

A row that cannot be scored keeps its place with null rewards and the reason in `error`.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.recipe import RewardWeights
from openreason_dagster.domain.records import ThinkState
from openreason_dagster.domain.rewards.language_consistency import language_counts
from openreason_dagster.domain.rewards.registry import REWARDS
from openreason_dagster.domain.rewards.total import total
from openreason_dagster.domain.row_files.read_rows import Row, UnreadableRow
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of

_SCHEMA = pl.Schema({
    **dict.fromkeys(("reasoning", "answer", "think_state", "language"), pl.String()), "is_correct": pl.Boolean(),
})  # fmt: skip


def added_columns(rewards: Sequence[str]) -> Mapping[str, pl.DataType]:
    """What is added to each row: a column per reward, the total where every reward is asked for, and `error`."""
    names = [f"reward_{name}" for name in rewards]
    names += ["reward_total"] if set(rewards) == set(REWARDS) else []
    return {**dict.fromkeys(names, pl.Float64()), "error": pl.String()}


def score_rows(rows: Sequence[Row | UnreadableRow], rewards: Sequence[str], *, language: str) -> list[Row]:
    """The rows with `added_columns`, in their order.

    Args:
        rows: `response`, or `reasoning` and `answer`, as text; `is_correct` true, false or null; perhaps `language`.
        rewards: Names in `REWARDS`.
        language: ISO 639-1 code for rows without `language`.
    """
    traces: dict[int, Row] = {}
    problems: dict[int, str] = {}
    for number, row in enumerate(rows):
        try:
            traces[number] = _trace(row, language)
        except UnusableRowError as error:
            problems[number] = error.detail
    scored = dict(zip(traces, _scores(list(traces.values()), rewards).iter_rows(named=True), strict=True))
    nothing = dict.fromkeys(added_columns(rewards))
    return [
        {
            **({} if isinstance(row, UnreadableRow) else row),
            **nothing,
            **scored.get(number, {"error": problems.get(number)}),
        }
        for number, row in enumerate(rows)
    ]


def _scores(traces: list[Row], rewards: Sequence[str]) -> pl.DataFrame:
    frame = pl.DataFrame(traces, schema=_SCHEMA, orient="row")
    if "language_consistency" in rewards:
        frame = frame.hstack(language_counts(frame))
    columns = pl.DataFrame({f"reward_{name}": REWARDS[name](frame) for name in rewards})
    if set(rewards) == set(REWARDS):
        columns = columns.with_columns(total(columns, RewardWeights().model_dump()))
    return columns


def _trace(row: Row | UnreadableRow, language: str) -> Row:
    if isinstance(row, UnreadableRow):
        raise UnusableRowError("bad_row", row.reason)
    is_correct = row.get("is_correct")
    if not isinstance(is_correct, bool | None):
        raise UnusableRowError(
            "bad_row", f"column `is_correct`: found {shown(is_correct)}, expected true, false or null"
        )
    code = row.get("language") or language
    if not isinstance(code, str) or not code.isascii():
        raise UnusableRowError("bad_row", f"column `language`: found {shown(code)}, expected a code such as en")
    return {**_parts(row), "language": code, "is_correct": is_correct}


def _parts(row: Row) -> Row:
    if row.get("response") is None and isinstance(row.get("answer"), str):
        reasoning, answer = _text(row, "reasoning"), _text(row, "answer")
        return {"reasoning": reasoning, "answer": answer, "think_state": ThinkState.SEPARATE.value}
    parts = split_completion(_text(row, "response"), opened_think=False)
    return {"reasoning": parts.reasoning, "answer": parts.answer, "think_state": parts.think_state.value}


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    if not isinstance(value, str):
        raise UnusableRowError("bad_row", f"column `{column}`: found {shown(value)}, expected text")
    return text_of(value) or value
