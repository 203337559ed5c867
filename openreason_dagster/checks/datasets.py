"""Checks of what is made for training."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import count, preview
from openreason_dagster.domain.datasets.replaced_references import verdicts_of_replaced
from openreason_dagster.domain.release.configurations import configuration_differences
from openreason_dagster.domain.release.gates import contaminated_prompts, contamination
from openreason_dagster.domain.release.layouts import LAYOUTS
from openreason_dagster.domain.release.released_rows import release_differences
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dg.asset_check(asset="reasoning_data", blocking=True)
def reasoning_data_is_correct(tables: Tables) -> dg.AssetCheckResult:
    """Every trace of the reasoning data is correct: against its reference, or the answer that took its place."""
    kept, is_correct = tables.scan("reasoning_data"), pl.col("verdict") == "correct"
    unlike_stated = kept.join(tables.scan("verified_traces").filter(is_correct), on="trace_id", how="anti")
    replaced = verdicts_of_replaced({name: tables.scan(name) for name in ("suspect_references", "replaced_verdicts")})
    wrong = count(unlike_stated.join(replaced.filter(is_correct), on="trace_id", how="anti"))
    by_majority = count(unlike_stated) - wrong
    return dg.AssetCheckResult(
        passed=wrong == 0, metadata={"not_correct": wrong, "correct_against_majority": by_majority}
    )


@dg.asset_check(asset="sft_mix", blocking=True)
def mix_keeps_clear_of_benchmarks(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """No prompt of the mix shares an n-gram with a benchmark, whatever the pool held when it was sampled."""
    recipe = workspace.recipe()
    found = contaminated_prompts(tables.scan("sft_mix"), tables.scan("benchmark_prompts"), ngram=recipe.pool.ngram)
    result = contamination(found, limit=recipe.release.gates.contaminated_prompts)
    return dg.AssetCheckResult(
        passed=result.passed, metadata={"overlapping_prompts": found.height, "examples": preview(found)}
    )


@dg.asset_check(asset="sft_mix", blocking=True)
def no_prompt_is_in_two_splits(tables: Tables) -> dg.AssetCheckResult:
    """All rows of a prompt are in one split."""
    splits = tables.scan("sft_mix").group_by("prompt_id").agg(pl.col("split").n_unique())
    torn = count(splits.filter(pl.col("split") > 1))
    return dg.AssetCheckResult(passed=torn == 0, metadata={"prompts_in_two_splits": torn})


@dg.asset_check(asset="sft_mix", blocking=True)
def conversations_are_well_formed(tables: Tables) -> dg.AssetCheckResult:
    """Each row is a user turn and an assistant turn that opens and closes one think block and then answers."""
    turns = pl.col("messages").list
    assistant = turns.get(1, null_on_oob=True).struct.field("content")
    good = (
        (turns.len() == 2)
        & (turns.get(0).struct.field("role") == "user")
        & (turns.get(1, null_on_oob=True).struct.field("role") == "assistant")
        & assistant.str.contains(r"(?s)^<think>\n.+\n</think>\n\n\S")
        & (assistant.str.count_matches("</think>", literal=True) == 1)
    )
    malformed = count(tables.scan("sft_mix").filter(~good.fill_null(value=False)))
    return dg.AssetCheckResult(passed=malformed == 0, metadata={"malformed": malformed})


@dg.asset_check(asset="release", blocking=True)
def release_holds_the_mix(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """The files of the release have the manifest's hashes and hold exactly the rows of the mix."""
    differences = release_differences(workspace.release_folder, tables.scan("sft_mix").select("trace_id", "split"))
    return dg.AssetCheckResult(passed=not differences, metadata={"differences": dg.MetadataValue.json(differences)})


@dg.asset_check(asset="release", blocking=True)
def release_holds_every_format(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """The files of each format have the manifest's hashes and hold exactly the rows of its table, split by split."""
    scans = {name: tables.scan(name) for name in {layout.table for layout in LAYOUTS.values()}}
    differences = configuration_differences(workspace.release_folder, workspace.recipe().release.formats, scans)
    return dg.AssetCheckResult(passed=not differences, metadata={"differences": dg.MetadataValue.json(differences)})
