"""The SFT mix: which rows of the component data sets enter, in which split, and as which conversation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from openreason_dagster.domain.curation.diversity import select_diverse
from openreason_dagster.domain.curation.splits import split_of
from openreason_dagster.domain.datasets.turns import assistant_turn, exchange
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe_datasets import Selection, SftMix
from openreason_dagster.domain.schemas import SFT_MIX, SFT_MIX_DROPPED

THOUGHT = r"(?s)^<think>\n(.*?)\n</think>\n\n(.*)$"
"""An assistant's turn as `assistant_turn` writes it: reasoning and answer are the groups 1 and 2."""
CHOSEN_COLUMNS = ("trace_id", "prompt_id", "model", "temperature", "split", "component", "domain", "reward_total")
"""What a row of the mix has of the choice; the rest is its texts."""


@dataclass(frozen=True)
class Mix:
    """Chosen rows with their split, and left-out rows with the reason; together every candidate exactly once."""

    chosen: pl.DataFrame
    dropped: pl.DataFrame


def choose_rows(candidates: pl.DataFrame, rules: SftMix, *, seed: int) -> Mix:
    """Choose rows at the recipe's domain shares and cut the split by cluster.

    `candidates` has trace_id, prompt_id, cluster_id, model, temperature, domain, rank, reward_total and component, and
    for a selection the columns of `with_buckets`. Without a selection, the best trace of every prompt of a domain comes
    before the second best of any, so that a small mix is a diverse one.

    Raises:
        ReleaseError: no candidates, or a domain with a share has no row.
    """
    if candidates.is_empty():
        raise ReleaseError(
            "no row can enter the mix: every trace was left out. Look at the reasons in reasoning_data_dropped, then "
            "loosen the recipe's `reasoning_data` or sample more."
        )
    if rules.selection is not None:
        return _select(candidates, rules.selection, rules=rules, seed=seed)
    place = pl.int_range(pl.len()).over("domain")
    ordered = candidates.sort("domain", "rank", "trace_id").with_columns(place=place)
    quotas = domain_quotas(dict(ordered["domain"].value_counts().iter_rows()), rules)
    quota = pl.col("domain").replace_strict(quotas, default=0, return_dtype=pl.Int64)
    chosen = _with_split(ordered.filter(pl.col("place") < quota), rules, seed)
    reason = "over_row_limit" if rules.domain_shares is None else "over_domain_share"
    dropped = ordered.filter(pl.col("place") >= quota).with_columns(reason=pl.lit(reason))
    return Mix(chosen, dropped.select(SFT_MIX_DROPPED.schema.names()).sort("trace_id"))


def _select(candidates: pl.DataFrame, selection: Selection, *, rules: SftMix, seed: int) -> Mix:
    """The rows that a selection takes; `candidates` has the columns of `with_buckets` as well.

    Raises:
        ReleaseError: no candidate has a difficulty that is asked for.
    """
    wanted = candidates
    if selection.difficulties is not None:
        wanted = candidates.filter(pl.col("difficulty").is_in(selection.difficulties))
    if wanted.is_empty():
        found = dict(candidates["difficulty"].value_counts(sort=True).iter_rows())
        raise ReleaseError(
            f"recipe key `sft_mix.selection.difficulties` is {', '.join(selection.difficulties or [])}, but no row has "
            f"such a prompt (found: {found}). Ask for other bands, or sample more."
        )
    chosen = select_diverse(wanted, rules.rows or wanted.height, by=selection.by, prefer=selection.prefer, seed=seed)
    rest = candidates.join(chosen, on="trace_id", how="anti").with_columns(reason=pl.lit("not_selected"))
    return Mix(_with_split(chosen, rules, seed), rest.select(SFT_MIX_DROPPED.schema.names()).sort("trace_id"))


def _with_split(rows: pl.DataFrame, rules: SftMix, seed: int) -> pl.DataFrame:
    return rows.with_columns(split=split_of(pl.col("cluster_id"), seed=seed, share=rules.validation_share))


def no_rows(candidates: pl.DataFrame) -> Mix:
    """The mix of a recipe that samples nothing; `candidates` are empty."""
    nothing = candidates.clear().with_columns(split=pl.lit("train"))
    return Mix(nothing, SFT_MIX_DROPPED.frame([]))


def without_contaminated(candidates: pl.DataFrame, matches: pl.DataFrame) -> Mix:
    """Candidates of which `matches` (schema of benchmark_matches) drop neither prompt nor answer, and the others."""
    found = matches.filter(decision="dropped")
    prompts, answers = found.filter(pl.col("trace_id").is_null()), found["trace_id"].drop_nulls()
    shared, near = (prompts.filter(method=method)["prompt_id"].implode() for method in ("ngram", "near"))
    overlaps = pl.col("trace_id").is_in(answers.implode()) | pl.col("prompt_id").is_in(shared)
    resembles = pl.col("prompt_id").is_in(near)
    reason = pl.when(overlaps).then(pl.lit("contaminated")).when(resembles).then(pl.lit("near_benchmark"))
    judged = candidates.with_columns(reason=reason)
    left_out = judged.filter(pl.col("reason").is_not_null())
    clean = judged.filter(pl.col("reason").is_null()).drop("reason")
    return Mix(clean, left_out.select(SFT_MIX_DROPPED.schema.names()).sort("trace_id"))


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


def conversations(
    chosen: pl.DataFrame, texts: Iterable[pl.DataFrame], *, prompts: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Rows of the mix: the prompt as user; reasoning in think tags and answer as assistant.

    Args:
        chosen: As of `choose_rows`.
        texts: Frames with trace_id, reasoning, answer and completion_tokens; one at a time is held in memory.
        prompts: Of the chosen rows: prompt_id, prompt, language, source and license.
    """
    known = chosen.select(CHOSEN_COLUMNS).join(prompts, on="prompt_id", how="inner")
    for part in texts:
        rows = part.join(known, on="trace_id", how="inner")
        yield rows.with_columns(messages=exchange("prompt", assistant_turn())).select(SFT_MIX.schema.names())
