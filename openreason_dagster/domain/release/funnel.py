"""The funnel: rows from stage to stage, every row that does not go on with its reason.

`stages` is the one list of stages. A stage says which rows went in, which stayed, and where the others are; a row that
is in neither place is counted as `no reason recorded`, so that rows in are always rows out. A data set is added to the
figure, the report and the release's metadata by adding its stage here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.datasets.replaced_references import verdicts_in_effect
from openreason_dagster.domain.recipe_datasets import Answers
from openreason_dagster.domain.row_count import count_rows

Frames = Mapping[str, pl.LazyFrame]
UNKNOWN_REASON = "no reason recorded"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the funnel."""

    name: str
    unit: str
    """What its rows are: source rows, prompts, traces or rows."""
    entered: Callable[[Frames], pl.LazyFrame]
    """Rows that came in, of which only the number counts."""
    stayed: Callable[[Frames], pl.LazyFrame]
    left_out: Callable[[Frames], pl.LazyFrame]
    """Column `reason`, one row per row that was left out."""
    is_optional: bool = False
    """Whether the stage is left out where nothing entered it, because a recipe need not ask for it."""


def dropped(table: str, cause: str = "reason") -> Callable[[Frames], pl.LazyFrame]:
    """The rows of a table of dropped rows, by the column that holds the cause."""
    return lambda tables: tables[table].select(reason=pl.col(cause))


def rows_of(*names: str) -> Callable[[Frames], pl.LazyFrame]:
    """The rows of one table, or of several that are put together."""
    return lambda tables: pl.concat([tables[name].select(row=pl.first().is_null()) for name in names])


def _seed_rows(tables: Frames) -> pl.LazyFrame:
    return rows_of("seed_prompts", "seed_prompts_dropped")(tables)


def _requested(tables: Frames) -> pl.LazyFrame:
    return pl.concat([tables["sampled_traces"].select("trace_id"), _failed(tables).select("trace_id")])


def _failed(tables: Frames) -> pl.LazyFrame:
    """Requests that failed and were not answered by a later attempt."""
    failures = tables["sampling_failures"].select("trace_id", reason="error")
    return failures.unique("trace_id").join(tables["sampled_traces"], on="trace_id", how="anti")


def _with(verdicts: pl.Expr) -> Callable[[Frames], pl.LazyFrame]:
    return lambda tables: verdicts_in_effect(tables).filter(verdicts).select("trace_id", reason="verdict")


def _not_kept(verdicts: pl.Expr) -> Callable[[Frames], pl.LazyFrame]:
    """Traces with such a verdict that rejection sampling left out; the others were counted at the stages before."""

    def left_out(tables: Frames) -> pl.LazyFrame:
        left = tables["reasoning_data_dropped"].select("trace_id", "reason")
        return left.join(_with(verdicts)(tables), on="trace_id", how="semi")

    return left_out


def _unlabelled(tables: Frames) -> pl.LazyFrame:
    return tables["safety_set"].filter(pl.col("label") == "unknown").select("reason")


def _nothing(_tables: Frames) -> pl.LazyFrame:
    return pl.LazyFrame(schema={"reason": pl.String()})


def _optional(name: str, *, unit: str, table: str, of: Sequence[str] = ()) -> Stage:
    """A stage that takes every row of the tables `of`; without them, what it read stands in its own two tables."""
    return Stage(
        name=name,
        unit=unit,
        entered=rows_of(*(of or (table, f"{table}_dropped"))),
        stayed=rows_of(table),
        left_out=dropped(f"{table}_dropped"),
        is_optional=True,
    )


_IS_JUDGED = pl.col("is_correct").is_not_null()
_IS_CORRECT = pl.col("is_correct").fill_null(value=False)
MIX_COMPONENTS = ("reasoning_data", "cold_start_data", "non_reasoning_data")
"""Data sets whose rows can enter the mix."""
_WANTED: Mapping[Answers, pl.Expr] = {"correct": _IS_CORRECT, "judged": _IS_JUDGED, "any": pl.lit(value=True)}
_PROMPTS = (
    Stage(
        name="seed prompts",
        unit="prompts",
        entered=_seed_rows,
        stayed=rows_of("seed_prompts"),
        left_out=dropped("seed_prompts_dropped"),
    ),
    Stage(
        name="prompt pool",
        unit="prompts",
        entered=rows_of("seed_prompts"),
        stayed=rows_of("prompt_pool"),
        left_out=dropped("prompt_pool_dropped"),
    ),
    Stage(
        name="RL prompts",
        unit="prompts",
        entered=rows_of("prompt_pool"),
        stayed=rows_of("rl_prompts"),
        left_out=dropped("rl_prompts_dropped"),
    ),
    Stage(
        name="prompts with preference pairs",
        unit="prompts",
        entered=rows_of("prompt_pool"),
        stayed=lambda tables: tables["preference_pairs"].filter(method="verified").select("prompt_id").unique(),
        left_out=dropped("preference_pairs_dropped"),
    ),
)
_SAMPLED = Stage(name="sampled", unit="traces", entered=_requested, stayed=rows_of("sampled_traces"), left_out=_failed)
_JUDGED = Stage(
    name="judged",
    unit="traces",
    entered=rows_of("sampled_traces"),
    stayed=_with(_IS_JUDGED),
    left_out=_with(~_IS_JUDGED),
)
_CORRECT = Stage(
    name="correct",
    unit="traces",
    entered=_with(_IS_JUDGED),
    stayed=_with(_IS_CORRECT),
    left_out=_with(_IS_JUDGED & ~_IS_CORRECT),
)
_BY_VERDICT: Mapping[Answers, tuple[Stage, ...]] = {"correct": (_JUDGED, _CORRECT), "judged": (_JUDGED,), "any": ()}
"""What leaves out traces by their verdict, where a recipe keeps such answers only."""
_SETS = (
    _optional("cold-start data", unit="traces", table="cold_start_data"),
    _optional("conversations taken over", unit="conversations", table="chat_sft_data"),
    _optional("answered after thinking", unit="conversations", table="cot_prompted_traces"),
    _optional(
        "non-reasoning data",
        unit="conversations",
        table="non_reasoning_data",
        of=("chat_sft_data", "cot_prompted_traces"),
    ),
    Stage(
        name="preference pairs by votes",
        unit="pairs",
        entered=rows_of("preference_votes"),
        stayed=lambda tables: tables["preference_pairs"].filter(method="votes").select("pair_id"),
        left_out=lambda tables: dropped("preference_votes")(tables).filter(pl.col("reason").is_not_null()),
        is_optional=True,
    ),
    Stage(
        name="responses labelled for safety",
        unit="responses",
        entered=rows_of("safety_set", "safety_set_dropped"),
        stayed=lambda tables: tables["safety_set"].filter(pl.col("label") != "unknown").select("trace_id"),
        left_out=lambda tables: pl.concat([dropped("safety_set_dropped")(tables), _unlabelled(tables)]),
        is_optional=True,
    ),
    Stage(
        name="SFT mix",
        unit="rows",
        entered=rows_of(*MIX_COMPONENTS),
        stayed=rows_of("sft_mix"),
        left_out=dropped("sft_mix_dropped"),
    ),
    Stage(name="released", unit="rows", entered=rows_of("sft_mix"), stayed=rows_of("sft_mix"), left_out=_nothing),
)


def stages(answers: Answers) -> tuple[Stage, ...]:
    """Every stage in order; `answers` is the recipe's `reasoning_data.answers`.

    Where wrong answers are kept, or those that nobody could judge, a verdict is no step on the way.
    """
    wanted = _WANTED[answers]
    reasoning = Stage(
        name="reasoning data",
        unit="traces",
        entered=_with(wanted),
        stayed=rows_of("reasoning_data"),
        left_out=_not_kept(wanted),
    )
    return (*_PROMPTS, _SAMPLED, *_BY_VERDICT[answers], reasoning, *_SETS)


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """Counts of every stage."""

    stages: pl.DataFrame
    """unit, stage, entered, rows (that stayed), left_out and reasons in words, in the order of `stages`."""
    reasons: pl.DataFrame
    """stage, reason, rows; per stage they sum to `left_out`, which is `entered` - `rows`."""


def count_funnel(tables: Frames, *, answers: Answers = "correct") -> Funnel:
    """Count each of the `stages` in the recipe's tables, without reading any text."""
    every = [(stage, count_rows(stage.entered(tables)), count_rows(stage.stayed(tables))) for stage in stages(answers)]
    counted = [each for each in every if each[1] or not each[0].is_optional]
    reasons = [_reasons(stage, tables, missing=entered - stayed) for stage, entered, stayed in counted]
    rows = [
        (stage.unit, stage.name, entered, stayed, entered - stayed, _in_words(found))
        for (stage, entered, stayed), found in zip(counted, reasons, strict=True)
    ]
    columns = ["unit", "stage", "entered", "rows", "left_out", "reasons"]
    return Funnel(stages=pl.DataFrame(rows, schema=columns, orient="row"), reasons=pl.concat(reasons))


def _reasons(stage: Stage, tables: Frames, *, missing: int) -> pl.DataFrame:
    counts = stage.left_out(tables).group_by("reason").len("rows").collect(engine="streaming")
    named = counts.with_columns(pl.lit(stage.name).alias("stage"), pl.col("rows").cast(pl.Int64))
    found = named.select("stage", "reason", "rows").sort("rows", "reason", descending=[True, False])
    unexplained = missing - int(found["rows"].sum())
    if unexplained:
        rest = {"stage": [stage.name], "reason": [UNKNOWN_REASON], "rows": [unexplained]}
        found = pl.concat([found, pl.DataFrame(rest, schema=found.schema)])
    return found


def _in_words(reasons: pl.DataFrame) -> str:
    return ", ".join(f"{reason.replace('_', ' ')} {rows:,}" for reason, rows in reasons["reason", "rows"].iter_rows())
