"""Data sets made of verified traces: reasoning data (OR3) and the SFT mix."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, preview
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.curation.benchmark_matches import matches_in_files
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.datasets.choose_mix import Comparer, choose_mix
from openreason_dagster.domain.datasets.components import component_rows, mixed_conversations
from openreason_dagster.domain.datasets.reasoning_data import candidates, select_reasoning_data
from openreason_dagster.domain.datasets.replaced_references import judged_against, with_replaced_references
from openreason_dagster.domain.each_part import EachPart, file_parts
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES, REASONING_DATA, SFT_MIX
from openreason_dagster.resources.mix_parts import replace_mix_in_parts
from openreason_dagster.resources.ray_parts import parts_of
from openreason_dagster.resources.scope import recipe_tables, require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_MIX_INPUTS = (
    "reasoning_data",
    "cold_start_data",
    "non_reasoning_data",
    "sampled_traces",
    "prompt_pool",
    "prompt_clusters",
    "prompt_statistics",
    "benchmark_prompts",
)


@dg.asset(
    deps=["scored_traces", "verified_traces", "suspect_references", "sampled_traces", "prompt_pool"],
    group_name="OR3_reasoning_data",
    kinds={"deltalake"},
    tags={"openreason/OR3": ""},
    metadata=definition_metadata(REASONING_DATA),
    description=REASONING_DATA.description,
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def reasoning_data(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: OR3, rejection sampling over all models and temperatures of the recipe."""
    recipe = workspace.recipe()
    require_own("prompt_pool", tables, recipe)
    scoped = recipe_tables(tables, workspace)
    in_effect = with_replaced_references(scoped, recipe.reward_weights.model_dump())
    rows = candidates(in_effect, tables.scan("sampled_traces"), rules=recipe.reasoning_data)
    selection = select_reasoning_data(rows.collect(engine="streaming"), recipe.reasoning_data)
    tables.replace("reasoning_data_dropped", selection.dropped)
    tables.replace("reasoning_data", selection.kept)
    by_model = selection.kept.group_by("model", "temperature").len("traces").sort("model", "temperature")
    by_reason = selection.dropped.group_by("reason").len("traces").sort("traces", descending=True)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": selection.kept.height,
            "dropped": selection.dropped.height,
            "judged_against_majority": _count_replaced(scoped, selection.kept),
            "kept_by_model": preview(by_model),
            "dropped_by_reason": preview(by_reason),
        }
    )


def _comparers(tables: Tables, recipe: Recipe, each: EachPart) -> Mapping[str, Comparer]:
    """Who compares the answers of sampled traces: the machines that have parts done, if not this process."""
    if recipe.curation.runner == "local":
        return {}

    def compare(candidates: pl.DataFrame, benchmarks: BenchmarkIndex) -> pl.DataFrame:
        wanted, parts = candidates.select("trace_id"), file_parts(tables.files("sampled_traces"))
        found = each(matches_in_files, parts, wanted=wanted, benchmarks=benchmarks)
        return pl.concat([BENCHMARK_MATCHES.frame([]), *found]).sort("trace_id")

    return {"reasoning_data": compare}


def _count_replaced(tables: Mapping[str, pl.LazyFrame], kept: pl.DataFrame) -> int:
    return count_rows(kept.lazy().join(judged_against(tables["suspect_references"]), on="prompt_id", how="semi"))


@dg.asset(
    deps=[
        "reasoning_data",
        "cold_start_data",
        "non_reasoning_data",
        "sampled_traces",
        "prompt_pool",
        "prompt_statistics",
    ],
    group_name="datasets",
    kinds={"deltalake"},
    metadata=definition_metadata(SFT_MIX),
    description=SFT_MIX.description,
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def sft_mix(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: conversations at the recipe's proportions, split by cluster of near-duplicates."""
    recipe = workspace.recipe()
    for table in ("prompt_pool", "non_reasoning_data"):
        require_own(table, tables, recipe)
    parts = {name: tables.scan(name) for name in _MIX_INPUTS}
    rows = component_rows(parts).collect(engine="streaming")
    with parts_of(recipe, folder=tables.root) as each:
        mix = choose_mix(rows, parts, recipe, comparers=_comparers(tables, recipe, each))
        tables.replace("benchmark_matches", mix.matches, stage="sft_mix")
        tables.replace("sft_mix_dropped", mix.dropped)
        if recipe.curation.runner == "local":
            tables.replace("sft_mix", mixed_conversations(mix.chosen, parts))
        else:
            replace_mix_in_parts(tables, mix.chosen, parts, each=each)
    written = count_rows(tables.scan("sft_mix"))
    if written != mix.chosen.height:
        raise ReleaseError(
            f"sft_mix: {mix.chosen.height} rows were chosen but {written} written: their traces or prompts are gone. "
            "Materialise the components again, then sft_mix."
        )
    by_split = mix.chosen.group_by("split", "component", "domain").len("rows").sort("split", "component", "domain")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written,
            "dropped": mix.dropped.height,
            "contaminated": mix.dropped.filter(reason="contaminated").height,
            "rows_by_split": preview(by_split),
            "rows_by_bucket": preview(
                mix.chosen.group_by("difficulty", "length").len("rows").sort("rows", descending=True)
            ),
            "preview": preview(tables.scan("sft_mix").select("trace_id", "domain", "messages").head(3).collect()),
        }
    )
