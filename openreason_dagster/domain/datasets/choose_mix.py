"""The rows of the SFT mix from the candidates of all components: benchmarks, then shares, then the choice."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.curation.benchmark_matches import PromptComparison, answer_matches
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.datasets.components import Frames, component_texts, cut_to_shares, pool_prompts
from openreason_dagster.domain.datasets.repeated_rows import without_repeated
from openreason_dagster.domain.datasets.sft_mix import choose_rows, no_rows, without_contaminated
from openreason_dagster.domain.datasets.turns import assistant_text, first_user_turn
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_pool import Pool
from openreason_dagster.domain.schemas import BENCHMARK_MATCHES

Comparer = Callable[[pl.DataFrame, BenchmarkIndex], pl.DataFrame]
"""Takes candidates of one component and benchmarks, and gives the rows of benchmark_matches for their answers."""
_HERE: Mapping[str, Comparer] = {}


@dataclass(frozen=True, kw_only=True)
class ChosenMix:
    """Chosen rows with their split, and left-out rows with the reason; together every candidate exactly once."""

    chosen: pl.DataFrame
    dropped: pl.DataFrame
    """Schema of sft_mix_dropped."""
    matches: pl.DataFrame
    """What overlaps a benchmark, schema of benchmark_matches."""


def choose_mix(
    candidates: pl.DataFrame, tables: Frames, recipe: Recipe, *, comparers: Mapping[str, Comparer] = _HERE
) -> ChosenMix:
    """Leave out what overlaps a benchmark or is there twice, cut to the shares of components, and choose.

    Args:
        candidates: Rows of `component_rows`.
        tables: Where the texts of the candidates are, and benchmark_prompts.
        recipe: One without models may have an empty mix.
        comparers: Who compares the answers of a component with benchmarks, if not this process.

    Raises:
        ReleaseError: no row is left, or a component or domain with a share has none.
    """
    matches = mix_matches(candidates, tables, recipe.pool, comparers=comparers)
    clean = without_contaminated(candidates, matches)
    single = without_repeated(clean.chosen, tables, recipe.sft_mix)
    shared = cut_to_shares(single.chosen, recipe.sft_mix)
    is_empty_on_purpose = candidates.is_empty() and not recipe.models
    mix = no_rows(candidates) if is_empty_on_purpose else choose_rows(shared.chosen, recipe.sft_mix, seed=recipe.seed)
    dropped = pl.concat([clean.dropped, single.dropped, shared.dropped, mix.dropped])
    return ChosenMix(chosen=mix.chosen, dropped=dropped, matches=matches)


def mix_matches(
    candidates: pl.DataFrame, tables: Frames, rules: Pool, *, comparers: Mapping[str, Comparer] = _HERE
) -> pl.DataFrame:
    """Prompts and answers of the candidates that overlap or resemble a benchmark; the reasoning is not compared.

    Of a conversation the prompt is its first user turn, the answer all that the assistant says. Prompts of the pool are
    compared again, because benchmarks may have come since it was built.
    """
    benchmarks = tables["benchmark_prompts"].collect()
    if benchmarks.is_empty():
        return BENCHMARK_MATCHES.frame([])
    comparison = PromptComparison(benchmarks, rules)
    prompts = [comparison.matches(part, stage="sft_mix") for part in _prompts(candidates, tables)]
    components = candidates.partition_by("component", as_dict=True, maintain_order=True)
    elsewhere = [comparers[name](rows, comparison.runs) for (name,), rows in components.items() if name in comparers]
    here = candidates.filter(~pl.col("component").is_in(list(comparers)))
    answers = [answer_matches(_answers(here, tables), comparison.runs), *elsewhere]
    return pl.concat([pl.concat(prompts).unique("prompt_id", keep="first", maintain_order=True), *answers])


def _prompts(candidates: pl.DataFrame, tables: Frames) -> Iterator[pl.DataFrame]:
    """With prompt_id, prompt and solution; solutions of the pool are compared when it is built."""
    unknown = pl.lit(None, pl.String)
    yield pool_prompts(candidates, tables).with_columns(solution=unknown)
    for rows in candidates.filter(component="non_reasoning_data").partition_by("component"):
        for part in component_texts(rows, tables):
            asked = part.select("prompt_id", prompt=first_user_turn(), solution=unknown)
            yield asked.unique("prompt_id", maintain_order=True)


def _answers(candidates: pl.DataFrame, tables: Frames) -> Iterator[pl.DataFrame]:
    for rows in candidates.partition_by("component", maintain_order=True):
        for part in component_texts(rows, tables):
            answer = assistant_text() if "messages" in part.columns else pl.col("answer")
            yield part.select("trace_id", "prompt_id", answer=answer)
