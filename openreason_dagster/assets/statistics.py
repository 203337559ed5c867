"""Prompt statistics: how each model at each temperature does on each prompt."""

from collections.abc import Mapping

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


def _statistics(tables: Mapping[str, pl.LazyFrame], workspace: Workspace) -> pl.DataFrame:
    """Statistics of every model; imported traces are taken whole, so the recipe's rule did not stop their sampling."""
    adaptive = workspace.recipe().sampling.adaptive
    pool, samples = tables["prompt_pool"], tables["sampled_traces"].select("trace_id", "sample_index")
    verified = tables["verified_traces"].join(samples, on="trace_id", how="inner")
    if adaptive is None:
        return compute_statistics(verified, pool)
    imported = pl.col("model").is_in(workspace.imported_models())
    parts = (
        compute_statistics(verified.filter(~imported), pool, rule=adaptive.rule),
        compute_statistics(verified.filter(imported), pool),
    )
    return pl.concat(parts).sort("prompt_id", "model", "temperature")


@dg.asset(
    deps=["scored_traces", "verified_traces", "prompt_pool"],
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
    rows = _statistics(scoped, workspace)
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
