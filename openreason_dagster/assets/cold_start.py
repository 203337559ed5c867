"""Cold-start data (OR1): correct traces that a writer made readable."""

import dagster as dg

from openreason_dagster.assets.metadata import definition_metadata, picture, preview
from openreason_dagster.assets.traces import SAMPLING_POOL
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.plots import reason_bars
from openreason_dagster.domain.schemas import COLD_START_DATA
from openreason_dagster.resources.cold_start import build_cold_start_data
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.scope import require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


def cold_start_data(recipe: Recipe) -> dg.AssetsDefinition:
    """Asset: OR1; it waits for its turn to hold a model only where the recipe has a writer for it."""

    @dg.asset(
        name="cold_start_data",
        deps=["scored_traces", "verified_traces", "sampled_traces", "prompt_pool"],
        group_name="OR1_cold_start_data",
        kinds={"deltalake"},
        tags={"openreason/OR1": ""},
        pool=SAMPLING_POOL if recipe.cold_start else None,
        metadata=definition_metadata(COLD_START_DATA),
        description=COLD_START_DATA.description,
        automation_condition=FOLLOW_JUDGED_TRACES,
    )
    def asset(
        context: dg.AssetExecutionContext,
        tables: Tables,
        workspace: Workspace,
        progress: dg.ResourceParam[ProgressListener],
    ) -> dg.MaterializeResult[None]:
        require_own("prompt_pool", tables, workspace.recipe())
        if workspace.recipe().cold_start is None:
            context.log.info("the recipe has no section `cold_start`, so there is no cold-start data")
        build_cold_start_data(tables, workspace, run_id=context.run.run_id, progress=progress)
        rows = tables.scan("cold_start_data")
        reasons = tables.scan("cold_start_data_dropped").group_by("reason").len("rows").collect()
        by_model = rows.group_by("model", "domain").len("rows").sort("model", "domain").collect()
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": int(by_model["rows"].sum()),
                "dropped": int(reasons["rows"].sum()),
                "rows_by_model": preview(by_model),
                "dropped_by_reason": picture(reason_bars, reasons, "Traces left out, by reason"),
                "preview": preview(rows.select("trace_id", "reasoning", "answer").head(3).collect()),
            }
        )

    return asset
