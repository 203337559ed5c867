"""Prompt statistics: how each model at each temperature does on each prompt."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, picture, preview
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.curation.statistics import prompt_statistics as compute_statistics
from openreason_dagster.domain.release.plots import pass_at_k_curves, pass_rate_heatmap
from openreason_dagster.domain.release.report_data import pass_at_k, pass_rates
from openreason_dagster.domain.schemas import PROMPT_STATISTICS
from openreason_dagster.resources.scope import recipe_tables, require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dg.asset(
    deps=["verified_traces", "prompt_pool"],
    group_name="statistics",
    kinds={"deltalake"},
    metadata=definition_metadata(PROMPT_STATISTICS),
    description=PROMPT_STATISTICS.description,
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def prompt_statistics(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: samples, correct, pass@k, majority answer and difficulty per prompt × model × temperature."""
    require_own("prompt_pool", tables, workspace.recipe())
    scoped = recipe_tables(tables, workspace)
    rows = compute_statistics(scoped["verified_traces"], scoped["prompt_pool"])
    tables.replace("prompt_statistics", rows)
    by_model = (
        rows.group_by("model", "temperature")
        .agg(pl.col("samples", "judged", "correct").sum(), pl.col("^pass_at_.*$").mean())
        .sort("model", "temperature")
    )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.height,
            "by_model": preview(by_model),
            "pass_rate": picture(
                pass_rate_heatmap, pass_rates(scoped["verified_traces"]), "Pass rate by model and temperature"
            ),
            "pass_at_k": picture(pass_at_k_curves, pass_at_k(rows.lazy()), "pass@k by model and temperature"),
        }
    )
