"""Checks of what is made for training."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import count, preview
from openreason_dagster.domain.curation.benchmark_matches import answer_matches, match_examples, prompt_matches
from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.datasets.replaced_references import verdicts_of_replaced
from openreason_dagster.domain.release.released_rows import release_differences
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_BATCH = 2_000


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
    """No prompt and no answer of the mix shares an n-gram with a benchmark, whatever the pool was compared with."""
    turns = pl.col("messages").list
    rows = tables.scan("sft_mix").select(
        "trace_id",
        "prompt_id",
        prompt=turns.get(0).struct.field("content"),
        answer=turns.get(1, null_on_oob=True).struct.field("content").str.extract(r"(?s)</think>(.*)").fill_null(""),
    )
    benchmarks = tables.scan("benchmark_prompts").collect()
    ngram = workspace.recipe().pool.ngram
    prompts = rows.select("prompt_id", "prompt").unique("prompt_id", maintain_order=True).collect(engine="streaming")
    answers = rows.drop("prompt").collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")
    found = pl.concat(
        [prompt_matches(prompts, benchmarks, ngram=ngram), answer_matches(answers, benchmarks, ngram=ngram)]
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(),
        metadata={
            "overlapping_prompts": found["trace_id"].null_count(),
            "overlapping_answers": found["trace_id"].count(),
            "examples": preview(match_examples(found.lazy())),
        },
    )


@dg.asset_check(asset="sft_mix", blocking=True)
def no_cluster_is_in_two_splits(tables: Tables) -> dg.AssetCheckResult:
    """All rows of a prompt, and of its near-duplicates, are in one split."""
    rows = with_cluster(tables.scan("sft_mix").select("prompt_id", "split"), tables.scan("prompt_clusters"))
    splits = rows.group_by("cluster_id").agg(pl.col("split").n_unique())
    torn = count(splits.filter(pl.col("split") > 1))
    return dg.AssetCheckResult(passed=torn == 0, metadata={"clusters_in_two_splits": torn})


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
