"""Checks of what is made for training."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import preview
from openreason_dagster.domain.curation.benchmark_matches import answer_matches, match_examples
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.datasets.replaced_references import verdicts_of_replaced
from openreason_dagster.domain.datasets.turns import answers_after_thinking, assistant_text, takes_turns, think_blocks
from openreason_dagster.domain.release.configurations import configuration_differences
from openreason_dagster.domain.release.gates import contaminated_prompts, contamination
from openreason_dagster.domain.release.layouts import LAYOUTS
from openreason_dagster.domain.release.released_rows import release_differences
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.writing.cold_start import is_same_answer
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_BATCH = 2_000


@dg.asset_check(asset="reasoning_data", blocking=True)
def reasoning_data_is_correct(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """Every trace is correct against its reference or what replaced it; judged, where the recipe keeps wrong ones."""
    is_correct = pl.col("verdict").is_in(workspace.recipe().reasoning_data.verdicts)
    kept = tables.scan("reasoning_data")
    unlike_stated = kept.join(tables.scan("verified_traces").filter(is_correct), on="trace_id", how="anti")
    replaced = verdicts_of_replaced({name: tables.scan(name) for name in ("suspect_references", "replaced_verdicts")})
    wrong = count_rows(unlike_stated.join(replaced.filter(is_correct), on="trace_id", how="anti"))
    by_majority = count_rows(unlike_stated) - wrong
    return dg.AssetCheckResult(
        passed=wrong == 0, metadata={"not_correct": wrong, "correct_against_majority": by_majority}
    )


@dg.asset_check(asset="cold_start_data", blocking=True)
def cold_start_data_is_verified(tables: Tables) -> dg.AssetCheckResult:
    """Every row was judged correct after it was written, with the answer of its source trace, which is correct too."""
    sources = tables.scan("verified_traces").filter(pl.col("verdict") == "correct")
    rows = tables.scan("cold_start_data").filter(pl.col("verdict") == "correct")
    pairs = rows.join(
        sources.select(source_trace_id="trace_id", before="extracted_answer"), on="source_trace_id", how="inner"
    )
    same = sum(is_same_answer(*pair) for pair in pairs.select("before", "extracted_answer").collect().iter_rows())
    wrong = count_rows(tables.scan("cold_start_data")) - same
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"not_verified": wrong})


@dg.asset_check(asset="sft_mix", blocking=True)
def mix_keeps_clear_of_benchmarks(tables: Tables, workspace: Workspace) -> dg.AssetCheckResult:
    """No prompt and no answer of the mix shares an n-gram with a benchmark, whatever the pool was compared with.

    Of prompts the recipe's gate may let some pass, of answers none.
    """
    recipe, mix = workspace.recipe(), tables.scan("sft_mix")
    benchmarks = BenchmarkIndex(tables.scan("benchmark_prompts").collect(), ngram=recipe.pool.ngram)
    prompts = contaminated_prompts(mix, benchmarks)
    said = mix.select("trace_id", "prompt_id", answer=assistant_text())
    batches = said.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")
    answers = answer_matches(batches, benchmarks)
    result = contamination(prompts, limit=recipe.release.gates.contaminated_prompts)
    return dg.AssetCheckResult(
        passed=result.passed and answers.is_empty(),
        metadata={
            "overlapping_prompts": prompts.height,
            "overlapping_answers": answers.height,
            "examples": preview(prompts),
            "examples_of_answers": preview(match_examples(answers.lazy())),
        },
    )


@dg.asset_check(asset="sft_mix", blocking=True)
def no_cluster_is_in_two_splits(tables: Tables) -> dg.AssetCheckResult:
    """All rows of a prompt, and of its near-duplicates, are in one split."""
    rows = with_cluster(tables.scan("sft_mix").select("prompt_id", "split"), tables.scan("prompt_clusters"))
    splits = rows.group_by("cluster_id").agg(pl.col("split").n_unique())
    torn = count_rows(splits.filter(pl.col("split") > 1))
    return dg.AssetCheckResult(passed=torn == 0, metadata={"clusters_in_two_splits": torn})


@dg.asset_check(asset="sft_mix", blocking=True)
def conversations_are_well_formed(tables: Tables) -> dg.AssetCheckResult:
    """Turns alternate and none is blank; the last thinks once and answers, or, of non-reasoning data, nobody thinks."""
    may_be_plain = (pl.col("component") == "non_reasoning_data") & (think_blocks() == 0)
    good = takes_turns() & (answers_after_thinking() | may_be_plain)
    malformed = count_rows(tables.scan("sft_mix").filter(~good.fill_null(value=False)))
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
