"""The prompt pool: which seed prompts may be sampled, and why the others may not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openreason_dagster.domain.curation.benchmark_matches import PromptComparison
from openreason_dagster.domain.curation.clusters import pairs_among, prompt_clusters, repeated_rows
from openreason_dagster.domain.curation.duplicates import exact_duplicates
from openreason_dagster.domain.curation.near_duplicates import near_pairs
from openreason_dagster.domain.curation.semantic_duplicates import semantic_pairs
from openreason_dagster.domain.curation.static_embeddings import Embed, load_embedding, load_topic_embedding
from openreason_dagster.domain.curation.topics import with_topics
from openreason_dagster.domain.each_part import EachPart, one_by_one
from openreason_dagster.domain.errors import PoolError
from openreason_dagster.domain.recipe_pool import Pool
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import PROMPT_POOL, PROMPT_POOL_DROPPED
from openreason_dagster.domain.verification.registry import KINDS_WITHOUT_REFERENCE

Audit = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class PoolResult:
    """Frames with the schemas of prompt_pool, prompt_pool_dropped, prompt_clusters and benchmark_matches.

    Every seed row is in exactly one of `pool` and `dropped`, every row of `pool` in `clusters`.
    """

    pool: pl.DataFrame
    dropped: pl.DataFrame
    clusters: pl.DataFrame
    matches: pl.DataFrame


class _Seeds:
    """The seed rows that are left, and those set aside with `reason` and `detail`."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.left = rows
        self.dropped: list[pl.DataFrame] = []

    def set_aside(self, reasons: pl.DataFrame) -> None:
        """Drop the rows whose `position` is in `reasons`."""
        self.dropped.append(self.left.join(reasons, on="position", maintain_order="left"))
        self.left = self.left.join(reasons, on="position", how="anti", maintain_order="left")


def build_pool(
    seeds: pl.DataFrame,
    benchmarks: pl.DataFrame,
    *,
    audit: Audit,
    rules: Pool,
    folder: Path,
    each: EachPart = one_by_one,
) -> PoolResult:
    """Drop seeds without a needed reference, then duplicates, contaminated ones, and those that fail the audit.

    Near-duplicates are looked for among what is left, so that none goes in favour of a prompt that goes as well; then
    semantic ones. Prompts without a topic get one at last. Relative paths of the rules start from `folder`.

    `seeds` (schema of seed_prompts) lists the sources in the recipe's order: of equal prompts the first source's
    stays. Within a source rows are ordered by their identifier, whatever order they arrive in. `audit` judges each
    prompt's own reference and returns `prompt_id`, `verdict` and `message`; only `correct` enters the pool. `each` does
    what can be done for a part of the prompts alone: it compares them with benchmarks, and makes their MinHash keys.

    Raises:
        PoolError: the dropped share exceeds `rejected_share_limit` of the rules, nothing is left, or the audit passed
            over a prompt, with the counts by cause; or a static model cannot be loaded.
    """
    semantic = rules.semantic_duplicates
    embed = None if semantic is None else load_embedding(semantic, folder)
    embed_topics = None if rules.topics is None else load_topic_embedding(rules.topics, folder)
    rows = _Seeds(_in_order(seeds))
    rows.set_aside(_without_reference(rows.left))
    rows.set_aside(_repeated(rows.left))
    matches = PromptComparison(benchmarks, rules).matches(rows.left, stage="prompt_pool", each=each)
    rows.set_aside(_contaminated(rows.left, matches))
    rows.set_aside(_refused(rows.left, audit))
    clusters = _clusters(rows, rules, embed=embed, each=each)
    if rules.topics is not None and embed_topics is not None:
        rows.left = with_topics(rows.left, embed_topics, count=rules.topics.count)
    result = PoolResult(
        pool=rows.left.select(PROMPT_POOL.schema.names()),
        dropped=pl.concat(rows.dropped).sort("position").select(PROMPT_POOL_DROPPED.schema.names()),
        clusters=clusters,
        matches=matches,
    )
    _require_enough(result, seeds.height, rules.rejected_share_limit)
    return result


def _in_order(seeds: pl.DataFrame) -> pl.DataFrame:
    """Seeds with a `position`: sources as they first appear, then by identifier, shorter (smaller) numbers first."""
    return (
        seeds.with_row_index("arrival")
        .sort(
            pl.col("arrival").min().over("source"),
            pl.col("source_row_id").str.len_chars(),
            "source_row_id",
            "prompt_id",
            "arrival",
        )
        .drop("arrival")
        .with_row_index("position")
    )


def _without_reference(seeds: pl.DataFrame) -> pl.DataFrame:
    needed = ~pl.col("verifier").is_in(list(KINDS_WITHOUT_REFERENCE))
    return seeds.filter(~_has_reference(seeds), needed).select(
        "position", reason=pl.lit("no_reference"), detail=pl.lit("the reference answer is empty")
    )


def _repeated(seeds: pl.DataFrame) -> pl.DataFrame:
    pairs = exact_duplicates(seeds)
    first = seeds.select("source", "source_row_id", "prompt_id")[pairs["first_row"]]
    return first.select(
        seeds["position"].gather(pairs["row"]),
        reason=pl.lit("duplicate"),
        detail=pl.format("same text as row {} of source {} (prompt {})", "source_row_id", "source", "prompt_id"),
    )


def _contaminated(seeds: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
    overlap = pl.format("overlaps row {} of {}: {}", "benchmark_row_id", "benchmark", "matching_text")
    likeness = pl.col("similarity").round(3)
    near = pl.format("resembles row {} of {}, similarity {}", "benchmark_row_id", "benchmark", likeness)
    is_near = pl.col("method") == "near"
    found = matches.filter(pl.col("decision") == "dropped").select(
        "prompt_id",
        reason=pl.when(is_near).then(pl.lit("near_benchmark")).otherwise(pl.lit("contaminated")),
        detail=pl.when(is_near).then(near).otherwise(overlap),
    )
    return seeds.join(found, on="prompt_id", maintain_order="left").select("position", "reason", "detail")


def _refused(seeds: pl.DataFrame, audit: Audit) -> pl.DataFrame:
    judged = seeds.select("position", "prompt_id").join(
        audit(seeds.drop("position")).select("prompt_id", "verdict", "message"),
        on="prompt_id",
        how="left",
        validate="m:1",
        maintain_order="left",
    )
    missing = judged.filter(pl.col("verdict").is_null())
    if missing.height:
        raise PoolError(
            f"the reference audit gave no verdict for {missing.height} of {judged.height} prompts, the first is "
            f"{missing['prompt_id'][0]!r}; expected one for each. Look at the verifier of that prompt."
        )
    return judged.filter(pl.col("verdict") != Verdict.CORRECT.value).select(
        "position",
        reason=pl.lit("bad_reference"),
        detail=pl.format("{}: {}", "verdict", pl.col("message").fill_null("")),
    )


def _clusters(rows: _Seeds, rules: Pool, *, embed: Embed | None, each: EachPart) -> pl.DataFrame:
    """Rows of prompt_clusters for what is left, after near-duplicates and semantic ones are set aside if so ruled.

    Semantic ones without a reference stay: `the oldest` is near `the second oldest`, and no answer tells them apart.
    """
    near, semantic = rules.near_duplicates, rules.semantic_duplicates
    pairs = near_pairs(rows.left, similarity=near.similarity, each=each)
    if near.policy == "drop":
        rows.set_aside(_resembling(rows.left, pairs, "near_duplicate"))
        pairs = pairs.clear()
    if semantic is None or embed is None:
        return prompt_clusters(rows.left, pairs)
    meaning = semantic_pairs(rows.left, embed, similarity=semantic.similarity)
    if semantic.policy == "drop":
        compared = rows.left
        answered = _has_reference(compared).gather(meaning["row"])
        rows.set_aside(_resembling(compared, meaning.filter(answered), "semantic_duplicate"))
        meaning = pairs_among(meaning.filter(~answered), compared["position"].is_in(rows.left["position"].implode()))
    return prompt_clusters(rows.left, pairs, semantic=meaning)


def _has_reference(seeds: pl.DataFrame) -> pl.Series:
    return seeds["reference_answer"].fill_null("").str.strip_chars() != ""


def _resembling(seeds: pl.DataFrame, pairs: pl.DataFrame, reason: str) -> pl.DataFrame:
    repeated = repeated_rows(pairs)
    first = seeds.select("source", "source_row_id", "prompt_id")[repeated["earlier_row"].to_list()]
    return first.with_columns(likeness=repeated["similarity"].round(3)).select(
        seeds["position"].gather(repeated["row"]),
        reason=pl.lit(reason),
        detail=pl.format(
            "like row {} of source {} (prompt {}), similarity {}", "source_row_id", "source", "prompt_id", "likeness"
        ),
    )


def _require_enough(result: PoolResult, seeds: int, rejected_share_limit: float) -> None:
    counts = result.dropped["reason"].value_counts(sort=True).rows()
    causes = ", ".join(f"{count} {reason}" for reason, count in sorted(counts)) or "none dropped"
    if result.pool.is_empty():
        raise PoolError(
            f"the prompt pool is empty: found {seeds} seed prompts ({causes}), expected at least one that passes. "
            f"Look at the rows' reasons, then correct the sources or add one."
        )
    share = result.dropped.height / seeds
    if share > rejected_share_limit:
        first = result.dropped.row(0, named=True)
        raise PoolError(
            f"the prompt pool refuses {result.dropped.height} of {seeds} seed prompts ({share:.1%}; {causes}), "
            f"expected at most {rejected_share_limit:.1%}. The first is row {first['source_row_id']!r} of source "
            f"{first['source']!r}: {first['reason']}, {first['detail']}. Correct the sources or raise "
            f"`pool.rejected_share_limit`."
        )
