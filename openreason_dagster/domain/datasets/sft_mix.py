"""The SFT mix: which rows of the component data sets enter, in which split, and as which conversation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from openreason_dagster.domain.datasets.turns import assistant_turn, exchange
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe_datasets import SftMix
from openreason_dagster.domain.schemas import SFT_MIX, SFT_MIX_DROPPED

THOUGHT = r"(?s)^<think>\n(.*?)\n</think>\n\n(.*)$"
"""An assistant's turn as `assistant_turn` writes it: reasoning and answer are the groups 1 and 2."""
_TWO_TO_32 = 2**32
_KNUTH = 2654435761


@dataclass(frozen=True)
class Mix:
    """Chosen rows with their split, and left-out rows with the reason; together every candidate exactly once."""

    chosen: pl.DataFrame
    dropped: pl.DataFrame


def choose_rows(candidates: pl.DataFrame, rules: SftMix, *, seed: int) -> Mix:
    """Choose rows at the recipe's domain shares and cut the split by prompt.

    `candidates` has trace_id, prompt_id, model, temperature, domain, rank, reward_total and component. Within a
    domain the best trace of every prompt comes before the second best of any, so a small mix is a diverse one.

    Raises:
        ReleaseError: no candidates, or a domain with a share has no row.
    """
    if candidates.is_empty():
        raise ReleaseError(
            "no row can enter the mix: every trace was left out. Look at the reasons in reasoning_data_dropped, then "
            "loosen the recipe's `reasoning_data` or sample more."
        )
    place = pl.int_range(pl.len()).over("domain")
    ordered = candidates.sort("domain", "rank", "trace_id").with_columns(place=place)
    quotas = domain_quotas(dict(ordered["domain"].value_counts().iter_rows()), rules)
    quota = pl.col("domain").replace_strict(quotas, default=0, return_dtype=pl.Int64)
    chosen = ordered.filter(pl.col("place") < quota).with_columns(split=split_of(rules.validation_share, seed=seed))
    reason = "over_row_limit" if rules.domain_shares is None else "over_domain_share"
    dropped = ordered.filter(pl.col("place") >= quota).with_columns(reason=pl.lit(reason))
    return Mix(chosen, dropped.select(SFT_MIX_DROPPED.schema.names()).sort("trace_id"))


def no_rows(candidates: pl.DataFrame) -> Mix:
    """The mix of a recipe that samples nothing; `candidates` are empty."""
    nothing = candidates.clear().with_columns(split=pl.lit("train"))
    return Mix(nothing, SFT_MIX_DROPPED.frame([]))


def domain_quotas(available: dict[str, int], rules: SftMix) -> dict[str, int]:
    """Rows to take per domain: the largest mix that keeps the shares, at most `rows` in total.

    Without shares each domain keeps its natural proportion. Fractions go to the largest remainders, ties by name.

    Raises:
        ReleaseError: a domain with a share has no row.
    """
    return quotas("domain", available, rules.domain_shares, most=rules.rows)


def quotas(
    group: str, available: dict[str, int], shares: Mapping[Any, float] | None, *, most: int | None
) -> dict[str, int]:
    """The same for any way to group rows; `group` names it in messages, `shares` and `most` are the recipe's."""
    total_available = sum(available.values())
    natural = {name: count / total_available for name, count in available.items()}
    wanted = {str(name): share for name, share in (shares or natural).items() if share > 0}
    for name in sorted(wanted):
        if not available.get(name):
            raise ReleaseError(
                f"recipe key `sft_mix.{group}_shares.{name}` is {wanted[name]:g}, but no row of that {group} can "
                f"enter the mix (found: {available}). Add sources of the {group} or remove the share."
            )
    size = min(int(available[name] / share + 1e-9) for name, share in wanted.items())
    return _largest_remainders(wanted, min(size, most or size))


def _largest_remainders(shares: dict[str, float], size: int) -> dict[str, int]:
    quotas = {domain: int(share * size + 1e-9) for domain, share in shares.items()}
    by_remainder = sorted(shares, key=lambda domain: (quotas[domain] - shares[domain] * size, domain))
    for domain in by_remainder[: size - sum(quotas.values())]:
        quotas[domain] += 1
    return quotas


def split_of(validation_share: float, *, seed: int) -> pl.Expr:
    """`train` or `validation`, decided by the prompt alone, so that adding prompts or models moves no prompt.

    The first 32 bits of the prompt's hash, evenly spread as they are, are a place on a circle. Each seed turns it by
    2^32 / golden ratio further (the constant of Knuth, TAOCP vol. 3, 6.4), so that seeds nearby cut elsewhere.
    """
    bits = pl.col("prompt_id").str.slice(0, 8).str.to_integer(base=16, dtype=pl.Int64)
    turned = (bits + seed * _KNUTH % _TWO_TO_32) % _TWO_TO_32
    is_validation = turned < validation_share * _TWO_TO_32
    return pl.when(is_validation).then(pl.lit("validation")).otherwise(pl.lit("train"))


def conversations(chosen: pl.LazyFrame, sampled: pl.LazyFrame, *, pool: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of the mix by split and trace_id: the prompt as user; reasoning in think tags and answer as assistant."""
    texts = sampled.select("trace_id", "reasoning", "answer", "completion_tokens")
    prompts = pool.select("prompt_id", "prompt", "language", "source", "license")
    joined = chosen.join(texts, on="trace_id", how="inner").join(prompts, on="prompt_id", how="inner")
    return (
        joined.with_columns(messages=exchange("prompt", assistant_turn()))
        .select(SFT_MIX.schema.names())
        .sort("split", "trace_id")
    )
