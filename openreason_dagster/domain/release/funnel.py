"""The funnel: rows from stage to stage, every row that does not go on with its reason.

`STAGES` is the one list of stages. A stage says which rows went in, which stayed, and where the others are; a row that
is in neither place is counted as `no reason recorded`, so that rows in are always rows out. A data set is added to the
figure, the report and the release's metadata by adding its stage here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.datasets.replaced_references import verdicts_in_effect
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


def _not_kept(tables: Frames) -> pl.LazyFrame:
    """Correct traces that rejection sampling left out; the others were counted at the stages before."""
    left = tables["reasoning_data_dropped"].select("trace_id", "reason")
    return left.join(_with(_IS_CORRECT)(tables), on="trace_id", how="semi")


def _nothing(_tables: Frames) -> pl.LazyFrame:
    return pl.LazyFrame(schema={"reason": pl.String()})


def _optional(name: str, *, unit: str, table: str) -> Stage:
    """A stage whose rows are all in its table or in that of what it left out."""
    return Stage(
        name=name,
        unit=unit,
        entered=rows_of(table, f"{table}_dropped"),
        stayed=rows_of(table),
        left_out=dropped(f"{table}_dropped"),
        is_optional=True,
    )


_IS_JUDGED = pl.col("is_correct").is_not_null()
_IS_CORRECT = pl.col("is_correct").fill_null(value=False)
MIX_COMPONENTS = ("reasoning_data", "cold_start_data", "non_reasoning_data")
"""Data sets whose rows can enter the mix."""
STAGES = (
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
        stayed=lambda tables: tables["preference_pairs"].select("prompt_id").unique(),
        left_out=dropped("preference_pairs_dropped"),
    ),
    Stage(name="sampled", unit="traces", entered=_requested, stayed=rows_of("sampled_traces"), left_out=_failed),
    Stage(
        name="judged",
        unit="traces",
        entered=rows_of("sampled_traces"),
        stayed=_with(_IS_JUDGED),
        left_out=_with(~_IS_JUDGED),
    ),
    Stage(
        name="correct",
        unit="traces",
        entered=_with(_IS_JUDGED),
        stayed=_with(_IS_CORRECT),
        left_out=_with(_IS_JUDGED & ~_IS_CORRECT),
    ),
    Stage(
        name="reasoning data",
        unit="traces",
        entered=_with(_IS_CORRECT),
        stayed=rows_of("reasoning_data"),
        left_out=_not_kept,
    ),
    _optional("cold-start data", unit="traces", table="cold_start_data"),
    _optional("conversations taken over", unit="conversations", table="chat_sft_data"),
    _optional("answered after thinking", unit="conversations", table="cot_prompted_traces"),
    _optional("non-reasoning data", unit="conversations", table="non_reasoning_data"),
    Stage(
        name="SFT mix",
        unit="rows",
        entered=rows_of(*MIX_COMPONENTS),
        stayed=rows_of("sft_mix"),
        left_out=dropped("sft_mix_dropped"),
    ),
    Stage(name="released", unit="rows", entered=rows_of("sft_mix"), stayed=rows_of("sft_mix"), left_out=_nothing),
)


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """Counts of every stage."""

    stages: pl.DataFrame
    """unit, stage, entered, rows (that stayed), left_out and reasons in words, in the order of `STAGES`."""
    reasons: pl.DataFrame
    """stage, reason, rows; per stage they sum to `left_out`, which is `entered` - `rows`."""


def count_funnel(tables: Frames) -> Funnel:
    """Count each stage of `STAGES` in the recipe's tables, without reading any text."""
    all_stages = [(stage, count_rows(stage.entered(tables)), count_rows(stage.stayed(tables))) for stage in STAGES]
    counted = [each for each in all_stages if each[1] or not each[0].is_optional]
    reasons = [_reasons(stage, tables, missing=entered - stayed) for stage, entered, stayed in counted]
    stages = [
        (stage.unit, stage.name, entered, stayed, entered - stayed, _in_words(found))
        for (stage, entered, stayed), found in zip(counted, reasons, strict=True)
    ]
    columns = ["unit", "stage", "entered", "rows", "left_out", "reasons"]
    return Funnel(stages=pl.DataFrame(stages, schema=columns, orient="row"), reasons=pl.concat(reasons))


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
