"""Pairs of answers for a judge to vote on, what its votes make of them, and rows of preference pairs by votes."""

import polars as pl

from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_open_answers import PreferenceVotes
from openreason_dagster.domain.schemas import PREFERENCE_PAIRS, PREFERENCE_VOTES

METHOD = "votes"
_SIDES = ("first", "second")


def measured(answers: pl.LazyFrame) -> pl.LazyFrame:
    """A narrow row per open answer: identity, prompt, source, domain, length, and a hash in place of the text."""
    answer = pl.col("answer").str.strip_chars()
    names = ("trace_id", "prompt_id", "source", "domain")
    return answers.select(*names, characters=answer.str.len_chars().cast(pl.Int64), text_hash=answer.hash())


def candidates(answers: pl.DataFrame, rules: PreferenceVotes) -> pl.DataFrame:
    """Rows of preference_votes without votes; those that are not to be voted on have their reason.

    Args:
        answers: as of `measured`.
        rules: how many pairs there are and how long answers may be.

    Of a prompt's different answers those next to each other in length make a pair, no answer two. The result does not
    depend on the order of the rows.
    """
    single = answers.sort("trace_id").unique(["prompt_id", "text_hash"], keep="first", maintain_order=True)
    placed = single.sort("prompt_id", "characters", "trace_id").with_columns(
        number=pl.int_range(pl.len()).over("prompt_id") // 2
    )
    sides = pl.col("trace_id", "characters").sort_by("trace_id")
    pairs = placed.group_by("prompt_id", "number").agg(pl.col("source", "domain").first(), sides)
    shorter, longer = pl.col("characters").list.min(), pl.col("characters").list.max()
    twos = pairs.filter(pl.col("trace_id").list.len() == 2).sort("prompt_id", longer / shorter, "number")
    chosen = twos.filter(pl.int_range(pl.len()).over("prompt_id") < rules.pairs_per_prompt)
    return _with_reasons(_named(chosen), rules)


def decided(rows: pl.DataFrame, rules: PreferenceVotes) -> pl.DataFrame:
    """Rows of preference_votes by pair_id, with margin, winner and reason, from rows with votes and mean difference.

    `reason` of a row holds the problem of a vote that is missing, or why there was none. Pairs that tip the balance of
    lengths are left out last.
    """
    difference = pl.col("mean_difference")
    margin = difference.abs() - rules.minimum_difference
    is_open = pl.col("reason").is_null()
    winner = pl.when(difference > 0).then(pl.lit("first")).otherwise(pl.lit("second"))
    judged = rows.with_columns(
        margin=margin,
        chosen=pl.when(is_open & (margin > 0)).then(winner),
        reason=pl.when(is_open & (margin <= 0)).then(pl.lit("too_close")).otherwise("reason"),
    )
    tipping = _tipping_balance(judged.filter(pl.col("reason").is_null()), rules.length_tolerance)
    is_tipping = pl.col("pair_id").is_in(tipping)
    balanced = judged.with_columns(
        reason=pl.when(is_tipping).then(pl.lit("unbalanced_length")).otherwise("reason"),
        chosen=pl.when(~is_tipping).then("chosen"),
    )
    return balanced.select(PREFERENCE_VOTES.schema.names()).cast(PREFERENCE_VOTES.schema).sort("pair_id")


def with_texts(votes: pl.LazyFrame, answers: pl.LazyFrame, *, clusters: pl.LazyFrame, split: pl.Expr) -> pl.LazyFrame:
    """Rows of preference_pairs by pair_id: pairs that were kept, with the answers as the judge saw them.

    Args:
        votes: preference_votes.
        answers: as of `open_answers.open_answers`.
        clusters: prompt_clusters, prompts outside which are clusters of their own.
        split: reads the column cluster_id.
    """
    is_first = pl.col("chosen") == "first"
    kept = votes.filter(pl.col("reason").is_null()).select(
        "pair_id",
        "prompt_id",
        score_difference=pl.col("mean_difference").abs(),
        **{f"{side}_{name}": pl.when(wins).then(f"first_{name}").otherwise(f"second_{name}")
           for side, wins in (("chosen", is_first), ("rejected", ~is_first)) for name in ("trace_id", "characters")},
    )  # fmt: skip
    narrow = answers.select("trace_id", "license", "language", "source", "domain", "prompt", answer=_shown())
    joined = kept
    for side in ("chosen", "rejected"):
        texts = narrow.select(
            pl.col("trace_id").alias(f"{side}_trace_id"),
            pl.col("license").alias(f"{side}_license"),
            pl.col("answer").alias(side),
            *(("prompt", "language", "source", "domain") if side == "chosen" else ()),
        )
        joined = joined.join(texts, on=f"{side}_trace_id", how="inner")
    complete = with_cluster(joined, clusters).with_columns(
        method=pl.lit(METHOD), split=split, license=_license_of_both()
    )
    return complete.select(PREFERENCE_PAIRS.schema.names()).sort("pair_id")


def undecided_pairs(pairs: pl.LazyFrame, votes: pl.LazyFrame, rules: PreferenceVotes) -> pl.LazyFrame:
    """Pairs that their own votes do not decide: another winner, another number of votes, or too small a margin.

    The scores are counted anew, `mean_difference` and `margin` are not believed.
    """
    ballot, orders = pl.element().struct, pl.col("votes").list.eval(pl.element().struct.field("order"))
    differences = pl.col("votes").list.eval(ballot.field("first_score") - ballot.field("second_score"))
    is_whole = (differences.list.drop_nulls().list.len() == 2 * rules.votes_per_order) & (
        orders.list.count_matches("forward") == rules.votes_per_order
    )
    is_first = pl.col("chosen_trace_id") == pl.col("first_trace_id")
    won_by = pl.when(is_first).then(differences.list.mean()).otherwise(-differences.list.mean())
    loser = pl.when(is_first).then("second_trace_id").otherwise("first_trace_id")
    is_decided = is_whole & (won_by > rules.minimum_difference) & (pl.col("rejected_trace_id") == loser)
    cast = votes.filter(pl.col("reason").is_null()).select("pair_id", "first_trace_id", "second_trace_id", "votes")
    joined = pairs.select("pair_id", "chosen_trace_id", "rejected_trace_id").join(cast, on="pair_id", how="left")
    return joined.filter(~is_decided.fill_null(value=False))


def _shown() -> pl.Expr:
    return pl.col("answer").str.strip_chars()


def _license_of_both() -> pl.Expr:
    """Whoever passes a pair on passes on both answers."""
    chosen, rejected = pl.col("chosen_license"), pl.col("rejected_license")
    both = pl.concat_list(chosen, rejected).list.sort().list.join(" AND ")
    return pl.when(chosen == rejected).then(chosen).otherwise(both)


def _named(pairs: pl.DataFrame) -> pl.DataFrame:
    sides = {
        f"{side}_{name}": pl.col(name).list.get(place)
        for place, side in enumerate(_SIDES)
        for name in ("trace_id", "characters")
    }
    named = pairs.select("prompt_id", "source", "domain", **sides)
    ids = [stable_hash([METHOD, *row]) for row in named.select("first_trace_id", "second_trace_id").iter_rows()]
    return named.with_columns(pl.Series("pair_id", ids, dtype=pl.String)).sort("pair_id")


def _with_reasons(pairs: pl.DataFrame, rules: PreferenceVotes) -> pl.DataFrame:
    is_long = pl.max_horizontal("first_characters", "second_characters") > rules.longest_answer
    most = pairs.height if rules.pairs is None else rules.pairs
    is_over = (~is_long).cum_sum() > most
    return pairs.with_columns(
        reason=pl.when(is_long).then(pl.lit("over_long")).when(is_over).then(pl.lit("over_row_limit"))
    )


def _tipping_balance(kept: pl.DataFrame, tolerance: float | None) -> list[str]:
    """pair_id of the pairs to leave out, the most unequal first, until chosen and rejected are as long in total."""
    if tolerance is None:
        return []
    is_first, first, second = pl.col("chosen") == "first", pl.col("first_characters"), pl.col("second_characters")
    chosen, rejected = pl.when(is_first).then(first).otherwise(second), pl.when(is_first).then(second).otherwise(first)
    rows = kept.select("pair_id", chosen=chosen, rejected=rejected, excess=chosen - rejected).sort("excess", "pair_id")
    pairs: list[tuple[str, int, int, int]] = rows.rows()
    total, other = sum(pair[1] for pair in pairs), sum(pair[2] for pair in pairs)
    left_out = []
    while pairs and max(total, other) > (1 + tolerance) * min(total, other):
        pair_id, of_chosen, of_rejected, _ = pairs.pop(-1 if total > other else 0)
        total, other = total - of_chosen, other - of_rejected
        left_out.append(pair_id)
    return left_out
