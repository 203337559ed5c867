"""Data sets made of verified traces: reasoning data (OR3) and the SFT mix."""

from collections.abc import Iterator, Mapping

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import count, definition_metadata, preview
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.curation.benchmark_matches import answer_matches, prompt_matches
from openreason_dagster.domain.curation.buckets import with_buckets
from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.datasets.reasoning_data import candidates, select_reasoning_data
from openreason_dagster.domain.datasets.replaced_references import judged_against, with_replaced_references
from openreason_dagster.domain.datasets.sft_mix import choose_rows, conversations, without_contaminated
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES, REASONING_DATA, SFT_MIX
from openreason_dagster.resources.scope import recipe_tables, require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

_ROWS_PER_BATCH = 1_000


@dg.asset(
    deps=["scored_traces", "verified_traces", "suspect_references", "sampled_traces", "prompt_pool"],
    group_name="datasets",
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
    rows = candidates(in_effect, tables.scan("sampled_traces")).collect(engine="streaming")
    selection = select_reasoning_data(rows, recipe.reasoning_data)
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


def _count_replaced(tables: Mapping[str, pl.LazyFrame], kept: pl.DataFrame) -> int:
    return count(kept.lazy().join(judged_against(tables["suspect_references"]), on="prompt_id", how="semi"))


@dg.asset(
    deps=["reasoning_data", "sampled_traces", "prompt_pool", "prompt_statistics"],
    group_name="datasets",
    kinds={"deltalake"},
    metadata=definition_metadata(SFT_MIX),
    description=SFT_MIX.description,
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def sft_mix(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: conversations at the recipe's proportions, split by cluster of near-duplicates."""
    recipe = workspace.recipe()
    require_own("prompt_pool", tables, recipe)
    components = tables.scan("reasoning_data").with_columns(component=pl.lit("reasoning_data"))
    candidates = _described(components, tables)
    matches = _benchmark_matches(candidates, tables, ngram=recipe.pool.ngram)
    tables.replace("benchmark_matches", matches, stage="sft_mix")
    clean = without_contaminated(candidates, matches)
    mix = choose_rows(clean.chosen, recipe.sft_mix, seed=recipe.seed)
    texts = _texts(mix.chosen, tables, "reasoning", "answer", "completion_tokens")
    rows = conversations(mix.chosen, texts, prompts=_prompts(mix.chosen, tables))
    tables.replace("sft_mix_dropped", pl.concat([clean.dropped, mix.dropped]))
    tables.replace("sft_mix", rows)
    written = count(tables.scan("sft_mix"))
    if written != mix.chosen.height:
        raise ReleaseError(
            f"sft_mix: {mix.chosen.height} rows were chosen but {written} written: their traces or prompts are gone. "
            "Materialise reasoning_data again, then sft_mix."
        )
    by_split = mix.chosen.group_by("split", "domain").len("rows").sort("split", "domain")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written,
            "dropped": clean.dropped.height + mix.dropped.height,
            "contaminated": clean.dropped.height,
            "rows_by_split": preview(by_split),
            "rows_by_bucket": preview(
                mix.chosen.group_by("difficulty", "length").len("rows").sort("rows", descending=True)
            ),
            "preview": preview(tables.scan("sft_mix").select("trace_id", "domain", "messages").head(3).collect()),
        }
    )


def _described(components: pl.LazyFrame, tables: Tables) -> pl.DataFrame:
    """The rows with their cluster and buckets."""
    return with_buckets(
        with_cluster(components, tables.scan("prompt_clusters")),
        tables.scan("sampled_traces"),
        pool=tables.scan("prompt_pool"),
        statistics=tables.scan("prompt_statistics"),
    ).collect(engine="streaming")


def _benchmark_matches(rows: pl.DataFrame, tables: Tables, *, ngram: int) -> pl.DataFrame:
    """Prompts and answers of the rows that overlap a benchmark; the reasoning is not compared."""
    benchmarks = tables.scan("benchmark_prompts").collect()
    if benchmarks.is_empty():
        return BENCHMARK_MATCHES.frame([])
    prompts = prompt_matches(_prompts(rows, tables), benchmarks, ngram=ngram)
    answers = answer_matches(_texts(rows, tables, "prompt_id", "answer"), benchmarks, ngram=ngram)
    return pl.concat([prompts, answers])


def _prompts(rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """The rows' prompts."""
    ids = rows["prompt_id"].unique().implode()
    pool = tables.scan("prompt_pool").select("prompt_id", "prompt", "language", "source", "license")
    return pool.filter(pl.col("prompt_id").is_in(ids)).collect()


def _texts(rows: pl.DataFrame, tables: Tables, *columns: str) -> Iterator[pl.DataFrame]:
    """The rows' traces in frames of bounded size; filtered and not joined, because a join would hold all texts."""
    ids = rows["trace_id"].implode()
    traces = tables.scan("sampled_traces").filter(pl.col("trace_id").is_in(ids)).select("trace_id", *columns)
    yield from traces.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")
