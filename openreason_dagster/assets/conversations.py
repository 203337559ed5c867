"""Non-reasoning data (OR4): conversations taken over (OR2), and answers after a prompted chain of thought (OR6)."""

from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, picture, preview
from openreason_dagster.automation import FOLLOW_WHATEVER_EXISTS
from openreason_dagster.domain.release.plots import reason_bars
from openreason_dagster.domain.schemas import CHAT_SFT_DATA
from openreason_dagster.resources.chat_import import import_chat_sources
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dg.asset(
    deps=["benchmark_prompts"],
    group_name="OR2_chat_sft_data",
    kinds={"deltalake"},
    tags={"openreason/OR2": ""},
    metadata=definition_metadata(CHAT_SFT_DATA),
    description=CHAT_SFT_DATA.description,
    automation_condition=FOLLOW_WHATEVER_EXISTS,
)
def chat_sft_data(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: OR2, conversations of the recipe's chat sources."""
    import_chat_sources(tables, workspace)
    rows = tables.scan("chat_sft_data")
    by_source = rows.group_by("source", "language", "license").len("rows").sort("source", "language", "license")
    return dg.MaterializeResult(metadata=_metadata(tables, "chat_sft_data", by_source.collect()))


def _metadata(tables: Tables, name: str, counts: pl.DataFrame) -> dict[str, Any]:
    reasons = tables.scan(f"{name}_dropped").group_by("reason").len("rows").collect()
    return {
        "dagster/row_count": int(counts["rows"].sum()),
        "dropped": int(reasons["rows"].sum()),
        "rows": preview(counts),
        "dropped_by_reason": picture(reason_bars, reasons, "Rows left out, by reason"),
        "preview": preview(tables.scan(name).head(3).collect()),
    }
