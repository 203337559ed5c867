"""What leaves the platform: the data set folder, and the report page."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import every_row, picture, preview
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.datasets.replaced_references import judged_against
from openreason_dagster.domain.release.card import dataset_card
from openreason_dagster.domain.release.card_counts import card_counts
from openreason_dagster.domain.release.configurations import (
    ConfigurationFile,
    arranged_frames,
    policy_question,
    write_configurations,
)
from openreason_dagster.domain.release.export import Shard, swap_in
from openreason_dagster.domain.release.funnel import count_funnel
from openreason_dagster.domain.release.gates import GateResult, release_gates, require_passed
from openreason_dagster.domain.release.layouts import LAYOUTS, Layout
from openreason_dagster.domain.release.manifest import Origin, manifest
from openreason_dagster.domain.release.plots import funnel, pass_at_k_curves, pass_rate_heatmap, verdict_bars
from openreason_dagster.domain.release.release_parts import ReleaseParts, write_in_parts
from openreason_dagster.domain.release.report import write_report
from openreason_dagster.domain.release.report_data import collect_report_data
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.ray_parts import parts_of
from openreason_dagster.resources.scope import recipe_tables, require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_FRAME = 1_000


@dg.asset(
    deps=["suspect_references", "sft_mix", "rl_prompts", "preference_pairs", "safety_set"],
    group_name="release",
    kinds={"parquet", "huggingface"},
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def release(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """A folder that `datasets.load_dataset` reads: the mix and the recipe's other formats, with card and manifest."""
    recipe = workspace.recipe()
    for table in ("prompt_pool", "sft_mix"):
        require_own(table, tables, recipe)
    scoped = recipe_tables(tables, workspace)
    gates = release_gates(scoped, recipe)
    require_passed(gates)
    target = workspace.release_folder
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    shards, of_the_mix = _write_mix(tables, workspace, building)
    configurations = sorted(
        [*of_the_mix, *_other_files(tables, workspace, building)],
        key=lambda file: recipe.release.formats.index(file.configuration),
    )
    _write_card_and_manifest(building, tables, workspace, shards=shards, configurations=configurations, gates=gates)
    swap_in(building, target)
    counted = count_funnel(scoped, answers=recipe.reasoning_data.answers)
    written: list[Shard | ConfigurationFile] = [*shards, *configurations]
    files = pl.DataFrame([{"file": file.path, "rows": file.rows, "bytes": file.bytes} for file in written])
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(shard.rows for shard in shards),
            "folder": dg.MetadataValue.path(target),
            "files": preview(files),
            "gates": every_row(pl.DataFrame([asdict(gate) for gate in gates]).drop("remedy")),
            "funnel": picture(funnel, counted.stages, "Rows at each stage"),
            "left_out": every_row(counted.reasons),
        }
    )


@dg.asset(
    deps=[
        "prompt_statistics",
        "suspect_references",
        "scored_traces",
        "sft_mix",
        "rl_prompts",
        "preference_pairs",
        "safety_set",
        "model_rewards",
    ],
    group_name="release",
    kinds={"html"},
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def dataset_report(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """An HTML page, with figures to look at and traces to read from files beside it."""
    recipe = workspace.recipe()
    for table in ("prompt_pool", "sft_mix"):
        require_own(table, tables, recipe)
    scoped = recipe_tables(tables, workspace)
    data = collect_report_data(
        scoped,
        title=recipe.title,
        description=recipe.description,
        most_traces=recipe.report.traces,
        answers=recipe.reasoning_data.answers,
    )
    target = workspace.report_file.parent
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    every_trace = {"sampled_traces": tables.scan("sampled_traces")}  # cut to those listed without a join of texts
    size = write_report(building, {**scoped, **every_trace}, data)
    swap_in(building, target)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(workspace.report_file),
            "traces_shown": data.traces.height,
            "megabytes": size / 1e6,
            "funnel": picture(funnel, data.funnel.stages, "Rows at each stage"),
            "pass_rate": picture(pass_rate_heatmap, data.pass_rates, "Pass rate by model and temperature"),
            "pass_at_k": picture(pass_at_k_curves, data.pass_at_k, "pass@k"),
            "verdicts": picture(verdict_bars, data.verdicts, "Verdicts by model and temperature"),
        }
    )


def _write_mix(tables: Tables, workspace: Workspace, building: Path) -> tuple[list[Shard], list[ConfigurationFile]]:
    """Write the mix, and what the recipe's formats make of its rows."""
    recipe = workspace.recipe()
    plan = ReleaseParts(
        building=building,
        spreading=workspace.release_folder.with_name(f".{workspace.release_folder.name}.spreading"),
        rows_per_shard=recipe.release.rows_per_shard,
        rows_per_frame=_ROWS_PER_FRAME,
        formats=[name for name in dict.fromkeys(recipe.release.formats) if LAYOUTS[name].table == "sft_mix"],
        question=policy_question(recipe, workspace.recipe_folder),
    )
    rows = tables.scan("sft_mix").select("trace_id", "split").collect()
    replaced = judged_against(tables.scan("suspect_references")).collect()
    with parts_of(recipe, folder=workspace.output_path) as each:
        return write_in_parts(plan, tables.files("sft_mix"), rows, replaced=replaced, each=each)


def _write_card_and_manifest(
    building: Path,
    tables: Tables,
    workspace: Workspace,
    *,
    shards: Sequence[Shard],
    configurations: Sequence[ConfigurationFile],
    gates: Sequence[GateResult],
) -> None:
    recipe, now = workspace.recipe(), datetime.now(UTC)
    counts = card_counts(recipe_tables(tables, workspace))
    card = dataset_card(
        recipe,
        shards,
        counts=counts,
        models={name: workspace.model(name) for name in counts.models},
        gates=gates,
        year=now.year,
        configurations=configurations,
    )
    origin = _origin(tables, workspace, verifiers=counts.verifiers)
    record = manifest(recipe, shards, origin=origin, gates=gates, created_at=now, configurations=configurations)
    (building / "README.md").write_text(card, encoding="utf-8")
    (building / "manifest.json").write_text(record, encoding="utf-8")


def _other_files(tables: Tables, workspace: Workspace, building: Path) -> list[ConfigurationFile]:
    """Write what the recipe's formats make of other tables than the mix."""
    recipe = workspace.recipe()
    formats = [name for name in recipe.release.formats if LAYOUTS[name].table != "sft_mix"]
    for table in {LAYOUTS[name].table for name in formats}:
        require_own(table, tables, recipe)
    question = policy_question(recipe, workspace.recipe_folder)

    def rows(layout: Layout, split: str) -> Iterator[pl.DataFrame]:
        of_split = layout.rows_of(tables.scan(layout.table)).filter(pl.col("split") == split)
        return arranged_frames(of_split.sort(layout.key), layout, question)

    return write_configurations(building, formats, rows=rows, per_file=recipe.release.rows_per_shard)


def _origin(tables: Tables, workspace: Workspace, *, verifiers: Sequence[str]) -> Origin:
    released = tables.scan("sft_mix").select("trace_id")
    models = set(workspace.selected_models()).union(*workspace.recipe().models_in_roles.values())
    records = tables.scan("sampled_traces").join(released, on="trace_id", how="semi")
    fingerprints = dict(records.select("fingerprint", "sampling_record").unique().collect().iter_rows())
    return Origin(
        recipe_text=workspace.recipe_text(),
        catalogue={name: workspace.catalogue_record(name) for name in sorted(models)},
        table_versions={name: tables.version(name) for name in TABLES},
        fingerprints={key: json.loads(record) for key, record in fingerprints.items()},
        verifiers=verifiers,
    )
