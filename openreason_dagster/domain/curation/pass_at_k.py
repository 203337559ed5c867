"""pass@k: the chance that one of k judged samples is correct, estimated without bias for fixed and adaptive sampling.

With j the chance that a sample is judged, and c that it is correct, the quantity is 1 - (1 - c / j)**k: samples that
were not judged are left out, because nothing is known of them.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import comb

import polars as pl

from openreason_dagster.domain.inference.adaptive import Decision, SamplingRule

PASS_AT = (1, 2, 4, 8)


def pass_at(k: int) -> pl.Expr:
    """Unbiased estimate for a number of samples fixed beforehand, from columns `judged` (n) and `correct` (c).

    1 - C(n - c, k) / C(n, k), written as a product so that nothing overflows; null where n < k. Chen et al. 2021,
    arXiv:2107.03374, equation 1.
    """
    judged, correct = pl.col("judged"), pl.col("correct")
    misses = ((judged - correct - i).clip(lower_bound=0) / (judged - i) for i in range(k))
    return pl.when(judged >= k).then(1 - reduce(lambda left, right: left * right, misses))


def pass_at_after_rounds(
    rule: SamplingRule, judged_by_round: Sequence[int], *, correct: int, at: Sequence[int] = PASS_AT
) -> list[Fraction | None]:
    """Unbiased estimate for each k of `at` where a rule stopped sampling.

    Args:
        rule: What stopped sampling.
        judged_by_round: Judged samples of each round, at least one round. The last may be incomplete, as long as what
            is missing does not depend on the verdicts.
        correct: Correct samples of all rounds.
        at: Values of k, each at least 1.

    Which samples are judged does not tell which of the judged are correct, so it is taken as given. Then all ways to
    spread the correct ones over the judged, but those where the rule would have stopped earlier, are equally likely,
    and the estimate is the share of these ways in which one of the first k judged samples is correct. Girshick,
    Mosteller and Savage 1946, Annals of Mathematical Statistics 17(1), 13-23. With one round this is `pass_at`.

    None where the first round has fewer than k judged samples, or where the rule cannot lead to these counts.
    """
    first, *later = judged_by_round
    onward = _ways_onward(rule, later, correct)
    ways = _ways(first, onward)
    return [1 - Fraction(_ways(first - k, onward), ways) if ways and k <= first else None for k in at]


def pass_at_k_table(rule: SamplingRule, outcomes: pl.DataFrame) -> pl.DataFrame:
    """`outcomes` with the columns pass_at_1 to pass_at_8; each distinct pair of the two below is worked out once.

    `outcomes` has the columns judged_by_round (list of integers) and correct.
    """
    pairs = outcomes.select("judged_by_round", "correct").unique(maintain_order=True)
    estimates = [
        [
            None if estimate is None else float(estimate)
            for estimate in pass_at_after_rounds(rule, rounds, correct=found)
        ]
        for rounds, found in pairs.iter_rows()
    ]
    columns = pl.DataFrame(estimates, schema=[(f"pass_at_{k}", pl.Float64) for k in PASS_AT], orient="row")
    table = pairs.hstack(columns)
    return outcomes.join(table, on=["judged_by_round", "correct"], how="left")


def outcomes_by_round(traces: pl.LazyFrame, rule: SamplingRule, group: Sequence[str]) -> pl.LazyFrame:
    """Per group the columns judged_by_round and correct, of the samples that the rule asked for.

    `traces` has the columns of `group`, sample_index and is_correct. Samples after the one at which the rule stopped,
    left by other settings of the recipe, are passed over, and so is what follows a round that lacks a sample.
    """
    later = (pl.col("sample_index") - rule.first_round) // rule.round + 1
    rounds = (
        traces.filter(pl.col("sample_index") < rule.maximum)
        .group_by(*group, round=later.clip(lower_bound=0))
        .agg(
            samples=pl.len().cast(pl.Int64),
            judged=pl.col("is_correct").is_not_null().sum().cast(pl.Int64),
            correct=pl.col("is_correct").sum().cast(pl.Int64),
        )
        .sort(*group, "round")
        .with_columns(pl.col("samples", "correct").cum_sum().over(group).name.prefix("all_"))
        .join(_going_on(rule).lazy(), on=["round", "all_samples", "all_correct"], how="left", maintain_order="left")
    )
    stops = pl.col("goes_on").is_null().cast(pl.Int64)
    asked = rounds.filter(stops.cum_sum().over(group) - stops == 0)
    return asked.group_by(group).agg(judged_by_round=pl.col("judged").sort_by("round"), correct=pl.col("correct").sum())


def _going_on(rule: SamplingRule) -> pl.DataFrame:
    """Every round, samples and correct samples after which the rule asks for another round."""
    rows = [
        (number, end, correct, True)
        for number, end in enumerate(rule.round_ends())
        for correct in range(end + 1)
        if rule.decide(end, correct) is Decision.GO_ON
    ]
    schema = {"round": pl.Int64, "all_samples": pl.Int64, "all_correct": pl.Int64, "goes_on": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _ways(judged: int, onward: Sequence[int]) -> int:
    """Ways to choose the correct ones among so many judged samples of the first round and to go on from there."""
    return sum(comb(judged, found) * after for found, after in enumerate(onward))


def _ways_onward(rule: SamplingRule, later: Sequence[int], correct: int) -> list[int]:
    """For each number of correct samples in the first round, the ways to reach `correct` without an earlier stop.

    `later` are the judged samples of the rounds after the first.
    """
    ways = [0] * correct + [1]
    for end, judged in reversed(list(zip(rule.round_ends(), later, strict=False))):
        ways = [
            sum(comb(judged, more) * ways[found + more] for more in range(correct - found + 1))
            if rule.decide(end, found) is Decision.GO_ON
            else 0
            for found in range(correct + 1)
        ]
    return ways
