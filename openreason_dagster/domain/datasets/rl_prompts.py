"""RL prompts: which prompts of the pool a policy can learn from, and why not the rest."""

from collections.abc import Collection

import polars as pl

from openreason_dagster.domain.curation.buckets import difficulty_band, known_topic
from openreason_dagster.domain.datasets.reasoning_data import Selection
from openreason_dagster.domain.recipe_rl_prompts import RlPrompts
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import RL_PROMPTS, RL_PROMPTS_DROPPED

_IS_WRONG_ANSWER = pl.col("is_correct").eq_missing(other=False) & pl.col("extracted_answer").is_not_null()


def prompt_outcomes(pool: pl.LazyFrame, verified: pl.LazyFrame, *, policy_model: str | None) -> pl.LazyFrame:
    """One narrow row per prompt of the pool: what was sampled, judged and correct, and how wrong answers agree.

    Args:
        pool: columns of prompt_pool.
        verified: columns of verified_traces, cut to the recipe.
        policy_model: only its traces count; those of all models if None.

    Returns:
        prompt_id, domain, topic (the source where it is not known), samples, judged, correct, same_wrong (traces with
        the most frequent wrong answer), pass_rate (null where nothing was judged) and difficulty_band.
    """
    traces = verified if policy_model is None else verified.filter(pl.col("model") == policy_model)
    counts = traces.group_by("prompt_id").agg(
        samples=pl.len(),
        judged=pl.col("is_correct").is_not_null().sum(),
        correct=(pl.col("verdict") == Verdict.CORRECT.value).sum(),
    )
    wrong = traces.filter(_IS_WRONG_ANSWER).group_by("prompt_id", "extracted_answer").agg(same=pl.len())
    most_frequent = wrong.group_by("prompt_id").agg(same_wrong=pl.col("same").max())
    numbers = pl.col("samples", "judged", "correct", "same_wrong").fill_null(0).cast(pl.Int64)
    rate = pl.when(pl.col("judged") > 0).then(pl.col("correct") / pl.col("judged"))
    return (
        pool.select("prompt_id", "domain", known_topic())
        .join(counts, on="prompt_id", how="left")
        .join(most_frequent, on="prompt_id", how="left")
        .with_columns(numbers)
        .with_columns(pass_rate=rate, difficulty_band=difficulty_band())
    )


def select_rl_prompts(outcomes: pl.DataFrame, rules: RlPrompts, *, doubted: Collection[str] = ()) -> Selection:
    """Apply the filters in order, then the quotas; together kept and dropped are every prompt once.

    First of all the prompts in `doubted` are left out, whose references are suspect.

    Where a quota leaves prompts out, those stay whose samples differ most (pass rate nearest to one half), those with
    unknown pass rate last, and ties are broken by prompt_id, which is a hash. Topics of a domain are cut before the
    domain. The row limit takes from each domain in proportion. The result does not depend on the order of `outcomes`.
    """
    known = pl.col("judged") >= rules.minimum_judged
    unknown = pl.lit(None, pl.Float64), pl.lit("unknown")
    rows = outcomes.with_columns(
        pass_rate=pl.when(known).then("pass_rate").otherwise(unknown[0]),
        difficulty_band=pl.when(known).then("difficulty_band").otherwise(unknown[1]),
    ).with_columns(reason=_first_reason(rules, doubted))
    usable, unusable = (rows.filter(pl.col("reason").is_null()), rows.filter(pl.col("reason").is_not_null()))
    chosen = _within_limits(usable, rules)
    kept = chosen.filter(pl.col("reason").is_null()).sort("prompt_id")
    dropped = pl.concat([unusable, chosen.filter(pl.col("reason").is_not_null()).select(unusable.columns)])
    return Selection(
        kept.drop("reason", "same_wrong", "topic"), dropped.select(RL_PROMPTS_DROPPED.schema.names()).sort("prompt_id")
    )


def with_texts(chosen: pl.LazyFrame, pool: pl.LazyFrame, *, split: pl.Expr) -> pl.LazyFrame:
    """Rows of rl_prompts by prompt_id: what `select_rl_prompts` kept with the pool's texts; `split` reads the pool."""
    prompts = pool.with_columns(split=split)
    joined = chosen.drop("domain").join(prompts, on="prompt_id", how="inner", validate="1:1")
    return joined.select(RL_PROMPTS.schema.names()).sort("prompt_id")


def _first_reason(rules: RlPrompts, doubted: Collection[str]) -> pl.Expr:
    low, high = rules.pass_rate
    is_unknown = pl.col("pass_rate").is_null() & pl.lit(rules.unknown_rate == "drop")
    return (
        pl.when(pl.col("prompt_id").is_in(list(doubted)))
        .then(pl.lit("suspect_reference"))
        .when(is_unknown)
        .then(pl.lit("unknown_pass_rate"))
        .when(_reference_in_doubt(rules))
        .then(pl.lit("majority_disagrees"))
        .when(pl.col("pass_rate") < low)
        .then(pl.lit("too_hard"))
        .when(pl.col("pass_rate") > high)
        .then(pl.lit("too_easy"))
    )


def _reference_in_doubt(rules: RlPrompts) -> pl.Expr:
    if rules.disagreement_share is None:
        return pl.lit(value=False)
    enough = pl.col("judged") >= rules.disagreement_samples
    return enough & (pl.col("same_wrong") > rules.disagreement_share * pl.col("judged"))


def _within_limits(usable: pl.DataFrame, rules: RlPrompts) -> pl.DataFrame:
    """The usable rows with a reason where the quota of a topic or domain, or the row limit leaves them out."""
    distance = (pl.col("pass_rate") - 0.5).abs()
    left = usable.sort("domain", distance, "prompt_id", nulls_last=True)
    domains = {str(domain): quota for domain, quota in (rules.domain_quotas or {}).items()}
    quota = pl.col("domain").replace_strict(domains, default=None, return_dtype=pl.Int64)
    place, over = pl.int_range(pl.len()), []
    for reason, is_over in (
        ("over_topic_quota", place.over("domain", "topic") >= pl.lit(rules.topic_quota, pl.Int64)),
        ("over_domain_quota", place.over("domain") >= quota),
    ):
        marked = left.with_columns(reason=pl.when(is_over).then(pl.lit(reason)))
        over.append(marked.drop_nulls("reason"))
        left = marked.filter(pl.col("reason").is_null())
    turn = (place.over("domain") + 0.5) / pl.len().over("domain")
    taken = left.sort(turn, "prompt_id").head(rules.rows or left.height)
    beyond = left.join(taken, on="prompt_id", how="anti").with_columns(reason=pl.lit("over_row_limit"))
    return pl.concat([taken, *over, beyond])
