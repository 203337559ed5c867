"""Non-reasoning data (OR4): conversations taken over (OR2), and answers after a prompted chain of thought (OR6)."""

from typing import Any

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, picture, preview
from openreason_dagster.assets.traces import SAMPLING_POOL
from openreason_dagster.automation import FOLLOW_WHATEVER_EXISTS
from openreason_dagster.domain.datasets.non_reasoning_data import ranked_rows
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.plots import reason_bars
from openreason_dagster.domain.schemas import CHAT_SFT_DATA, COT_PROMPTED_TRACES, NON_REASONING_DATA
from openreason_dagster.resources.chat_import import import_chat_sources
from openreason_dagster.resources.cot_answers import build_cot_prompted_traces
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.scope import require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_BATCH = 10_000


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


def cot_prompted_traces(recipe: Recipe) -> dg.AssetsDefinition:
    """Asset: OR6; it waits for its turn to hold a model only where the recipe has a writer for it."""

    @dg.asset(
        name="cot_prompted_traces",
        deps=["chat_sft_data", "prompt_pool"],
        group_name="OR6_cot_prompted_traces",
        kinds={"deltalake"},
        tags={"openreason/OR6": ""},
        pool=SAMPLING_POOL if recipe.cot_prompted else None,
        metadata=definition_metadata(COT_PROMPTED_TRACES),
        description=COT_PROMPTED_TRACES.description,
        automation_condition=FOLLOW_WHATEVER_EXISTS,
    )
    def asset(
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        progress: dg.ResourceParam[ProgressListener],
    ) -> dg.MaterializeResult[None]:
        for table in ("chat_sft_data", "prompt_pool"):
            require_own(table, tables, workspace.recipe())
        if workspace.recipe().cot_prompted is None:
            context.log.info("the recipe has no section `cot_prompted`, so nothing is answered after thinking")
        build_cot_prompted_traces(tables, workspace, run_id=context.run.run_id, progress=progress)
        by_source = tables.scan("cot_prompted_traces").group_by("source", "domain", "verdict").len("rows")
        return dg.MaterializeResult(
            metadata=_metadata(tables, "cot_prompted_traces", by_source.sort("source", "domain", "verdict").collect())
        )

    return asset


@dg.asset(
    deps=["chat_sft_data", "cot_prompted_traces"],
    group_name="OR4_non_reasoning_data",
    kinds={"deltalake"},
    tags={"openreason/OR4": ""},
    metadata=definition_metadata(NON_REASONING_DATA),
    description=NON_REASONING_DATA.description,
    automation_condition=FOLLOW_WHATEVER_EXISTS,
)
def non_reasoning_data(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: OR4, what OR2 and OR6 give for the mix."""
    for table in ("chat_sft_data", "cot_prompted_traces"):
        require_own(table, tables, workspace.recipe())
    rows, dropped = ranked_rows(
        tables.scan("chat_sft_data"), tables.scan("cot_prompted_traces"), workspace.recipe().non_reasoning_data
    )
    tables.replace("non_reasoning_data_dropped", dropped.collect())
    tables.replace("non_reasoning_data", rows.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming"))
    by_origin = tables.scan("non_reasoning_data").group_by("origin", "domain").len("rows").sort("origin", "domain")
    return dg.MaterializeResult(metadata=_metadata(tables, "non_reasoning_data", by_origin.collect()))


def _metadata(tables: Tables, name: str, counts: pl.DataFrame) -> dict[str, Any]:
    reasons = tables.scan(f"{name}_dropped").group_by("reason").len("rows").collect()
    return {
        "dagster/row_count": int(counts["rows"].sum()),
        "dropped": int(reasons["rows"].sum()),
        "rows": preview(counts),
        "dropped_by_reason": picture(reason_bars, reasons, "Rows left out, by reason"),
        "preview": preview(tables.scan(name).head(3).collect()),
    }
