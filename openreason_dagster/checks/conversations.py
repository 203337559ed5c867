"""Checks of conversations: taken over, written, and together."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import preview
from openreason_dagster.domain.datasets.turns import takes_turns, think_blocks
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dg.asset_check(asset="chat_sft_data", blocking=True)
def chat_conversations_are_well_formed(tables: Tables) -> dg.AssetCheckResult:
    """User and assistant take turns to the end, after a system turn at most; no turn is blank or thinks."""
    good = takes_turns() & (think_blocks() == 0)
    malformed = count_rows(tables.scan("chat_sft_data").filter(~good.fill_null(value=False)))
    return dg.AssetCheckResult(passed=malformed == 0, metadata={"malformed": malformed})


@dg.asset_check(asset="chat_sft_data", blocking=True)
def chat_licences_are_allowed(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """Every row has one of the licences that the recipe allows; a recipe that names none allows all."""
    allowed = workspace.recipe().chat_sft_data.licenses
    rows = tables.scan("chat_sft_data").group_by("source", "license").len("rows").sort("source", "license").collect()
    known = [license_.lower() for license_ in allowed or []]
    others = rows.clear() if allowed is None else rows.filter(~pl.col("license").str.to_lowercase().is_in(known))
    return dg.AssetCheckResult(passed=others.is_empty(), metadata={"not_allowed": preview(others)})


@dg.asset_check(asset="cot_prompted_traces", blocking=True)
def cot_answers_follow_reasoning(tables: Tables) -> dg.AssetCheckResult:
    """Each row has a reasoning and an answer without think tags; where it was verified, the verdict is correct."""
    whole = pl.all_horizontal(
        pl.col(name).str.contains(r"\S") & ~pl.col(name).str.contains(r"</?think>") for name in ("reasoning", "answer")
    )
    good = whole & (pl.col("verdict").is_null() | (pl.col("verdict") == "correct"))
    wrong = count_rows(tables.scan("cot_prompted_traces").filter(~good))
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"malformed_or_not_correct": wrong})


@dg.asset_check(asset="non_reasoning_data", blocking=True)
def non_reasoning_rows_are_unique(tables: Tables) -> dg.AssetCheckResult:
    """No row is there twice, and each is a row of the data set it says it came from."""
    rows = tables.scan("non_reasoning_data").select("trace_id", "origin")
    known = pl.concat(
        [
            tables.scan("chat_sft_data").select(trace_id="conversation_id", origin=pl.lit("chat_sft_data")),
            tables.scan("cot_prompted_traces").select("trace_id", origin=pl.lit("cot_prompted_traces")),
        ]
    )
    unknown = count_rows(rows.join(known, on=["trace_id", "origin"], how="anti"))
    repeated = count_rows(rows) - count_rows(rows.unique())
    return dg.AssetCheckResult(
        passed=unknown == repeated == 0, metadata={"unknown_rows": unknown, "repeated_rows": repeated}
    )
