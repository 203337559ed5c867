"""What leaves the platform: the data set folder, and the report page."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import picture, preview
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.datasets.replaced_references import STATED, judged_against
from openreason_dagster.domain.release.card import dataset_card
from openreason_dagster.domain.release.card_counts import card_counts
from openreason_dagster.domain.release.export import Shard, swap_in, write_shards
from openreason_dagster.domain.release.manifest import manifest
from openreason_dagster.domain.release.plots import funnel, pass_at_k_curves, pass_rate_heatmap, verdict_bars
from openreason_dagster.domain.release.report import render_report, stages
from openreason_dagster.domain.release.report_data import collect_report_data
from openreason_dagster.domain.release.sorted_rows import sorted_rows
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.scope import recipe_tables, require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_BATCH = 1_000


@dg.asset(
    deps=["suspect_references", "sft_mix"],
    group_name="release",
    kinds={"parquet", "huggingface"},
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def release(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """The SFT mix as a folder that `datasets.load_dataset` reads: sharded Parquet, dataset card and manifest."""
    for table in ("prompt_pool", "sft_mix"):
        require_own(table, tables, workspace.recipe())
    target = workspace.release_folder
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    shards = write_shards(
        building,
        lambda split: _rows(tables, workspace, split),
        rows_per_shard=workspace.recipe().release.rows_per_shard,
    )
    (building / "README.md").write_text(_card(tables, workspace, shards), encoding="utf-8")
    (building / "manifest.json").write_text(_manifest(tables, workspace, shards), encoding="utf-8")
    swap_in(building, target)
    files = pl.DataFrame([{"file": shard.path, "rows": shard.rows, "bytes": shard.bytes} for shard in shards])
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(shard.rows for shard in shards),
            "folder": dg.MetadataValue.path(target),
            "files": preview(files),
        }
    )


@dg.asset(
    deps=["prompt_statistics", "suspect_references", "scored_traces", "sft_mix"],
    group_name="release",
    kinds={"html"},
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def dataset_report(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """A self-contained HTML page: figures to look at, traces to read."""
    recipe = workspace.recipe()
    for table in ("prompt_pool", "sft_mix"):
        require_own(table, tables, recipe)
    data = collect_report_data(recipe_tables(tables, workspace), title=recipe.title, description=recipe.description)
    page = workspace.report_file
    page.parent.mkdir(parents=True, exist_ok=True)
    draft = page.with_suffix(".draft")
    draft.write_text(render_report(data), encoding="utf-8")
    draft.replace(page)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(page),
            "traces_shown": data.traces.height,
            "funnel": picture(funnel, stages(data.totals), "Rows at each stage"),
            "pass_rate": picture(pass_rate_heatmap, data.pass_rates, "Pass rate by model and temperature"),
            "pass_at_k": picture(pass_at_k_curves, data.pass_at_k, "pass@k"),
            "verdicts": picture(verdict_bars, data.verdicts, "Verdicts by model and temperature"),
        }
    )


def _rows(tables: Tables, workspace: Workspace, split: str) -> Iterator[pl.DataFrame]:
    """Rows of a split by trace_id, each with what it was judged against."""
    mix = tables.scan("sft_mix").filter(pl.col("split") == split).drop("split")
    ids = mix.select("trace_id").collect()["trace_id"]
    batches = mix.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")
    folder = workspace.release_folder.with_name(f".{workspace.release_folder.name}.sorting")
    replaced = judged_against(tables.scan("suspect_references")).collect()
    for rows in sorted_rows(batches, ids, folder=folder, rows_per_frame=_ROWS_PER_BATCH):
        joined = rows.join(replaced, on="prompt_id", how="left", maintain_order="left")
        yield joined.with_columns(pl.col("judged_against").fill_null(STATED))


def _card(tables: Tables, workspace: Workspace, shards: list[Shard]) -> str:
    counts = card_counts(recipe_tables(tables, workspace))
    released = counts.by_model.filter(pl.col("rows") > 0)["model"]
    models = {name: workspace.model(name) for name in sorted(set(released))}
    return dataset_card(workspace.recipe(), shards, counts=counts, models=models)


def _manifest(tables: Tables, workspace: Workspace, shards: list[Shard]) -> str:
    released = tables.scan("sft_mix").select("trace_id")
    records = tables.scan("sampled_traces").join(released, on="trace_id", how="semi")
    fingerprints = dict(records.select("fingerprint", "sampling_record").unique().collect().iter_rows())
    return manifest(
        workspace.recipe(),
        shards,
        table_versions={name: tables.version(name) for name in TABLES},
        fingerprints={key: json.loads(record) for key, record in fingerprints.items()},
        created_at=datetime.now(UTC),
    )
