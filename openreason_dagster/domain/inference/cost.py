"""What sampling costs: tokens, seconds and money, spent or expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import polars as pl

from openreason_dagster.domain.catalogue_entry import ModelRole, Price
from openreason_dagster.domain.inference.plan import RequestCount

_SECONDS_PER_HOUR = 3600.0
_MILLION = 1e6


@dataclass(frozen=True, kw_only=True)
class Cost:
    """An amount of each kind."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    money: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            seconds=self.seconds + other.seconds,
            money=self.money + other.money,
        )

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(
            prompt_tokens=self.prompt_tokens - other.prompt_tokens,
            completion_tokens=self.completion_tokens - other.completion_tokens,
            seconds=self.seconds - other.seconds,
            money=self.money - other.money,
        )


def cost_of(price: Price, *, prompt_tokens: int, completion_tokens: int, seconds: float) -> Cost:
    """Tokens and seconds with what they cost at a model's price, in the price's currency."""
    money = (
        prompt_tokens * price.input_per_million / _MILLION
        + completion_tokens * price.output_per_million / _MILLION
        + seconds * price.per_hour / _SECONDS_PER_HOUR
    )
    return Cost(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, seconds=seconds, money=money)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the pending requests of a run will cost."""

    requests: int
    most_tokens: int
    """Generated tokens if every completion is as long as it may be."""
    expected: Cost | None
    """From the same model's earlier traces; None when there are none."""
    currency: str

    def in_words(self) -> str:
        """One line for people."""
        text = f"{self.requests:,} to sample, at most {self.most_tokens:,} tokens"
        if self.expected is None:
            return f"{text}; how many is not known yet"
        minutes = self.expected.seconds / 60
        text += f", about {self.expected.completion_tokens:,} and {minutes:,.1f} minutes by earlier traces"
        return text + (f", {self.expected.money:,.2f} {self.currency}" if self.expected.money else "")


def estimate(
    counts: Mapping[str, RequestCount], ledger: pl.LazyFrame, *, model: str, max_tokens: int, price: Price
) -> Estimate:
    """Expected cost of a model's pending requests.

    Args:
        counts: Planned and committed requests per temperature key; with adaptive sampling those known so far.
        ledger: Rows of `sampling_ledger`.
        model: Catalogue name.
        max_tokens: Most tokens of one completion.
        price: The model's price.

    A temperature that was never sampled is expected to be like the model's other ones. What the model was paid for in
    another role says nothing of its traces.
    """
    sums = ("traces", "prompt_tokens", "completion_tokens", "seconds")
    own = (pl.col("model") == model) & ~pl.col("temperature").is_in(get_args(ModelRole))
    spent = ledger.filter(own).group_by("temperature").agg(pl.col(*sums).sum()).collect()
    rows = {row["temperature"]: row for row in spent.iter_rows(named=True) if row["traces"]}
    pending = {key: count.pending for key, count in counts.items()}
    requests = sum(pending.values())
    if not rows:
        return Estimate(requests=requests, most_tokens=requests * max_tokens, expected=None, currency=price.currency)
    overall = {name: sum(row[name] for row in rows.values()) for name in sums}
    expected = Cost()
    for key, count in pending.items():
        known = rows.get(key, overall)
        each = {name: count * known[name] / known["traces"] for name in sums}
        expected += cost_of(
            price,
            prompt_tokens=round(each["prompt_tokens"]),
            completion_tokens=round(each["completion_tokens"]),
            seconds=each["seconds"],
        )
    return Estimate(requests=requests, most_tokens=requests * max_tokens, expected=expected, currency=price.currency)
