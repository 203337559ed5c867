"""Gates: what must hold of what is released before it leaves the platform, each one function that measures it.

The asset `release` asks all of them and goes on only if none failed; asset checks ask the same functions earlier. Every
result, passed or not, is in the dataset card, in the manifest and in the metadata of the release.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.datasets.turns import conversation_hash, first_user_turn
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_release import Gates
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.release.layouts import LAYOUTS
from openreason_dagster.domain.release.licences import is_allowed
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.verification.canaries import error_rates
from openreason_dagster.domain.verification.model_judge import judged_kinds

_NAMED = 5
"""Examples that a result names; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """What one gate found."""

    gate: str
    passed: bool
    found: str
    limit: str
    remedy: str
    """What to do where it failed."""


def release_gates(tables: Mapping[str, pl.LazyFrame], recipe: Recipe) -> list[GateResult]:
    """Every gate's result for the mix and the other sets that are released, in `tables`, the recipe's by name."""
    mix, limits = tables["sft_mix"], recipe.release.gates
    benchmarks = BenchmarkIndex(tables["benchmark_prompts"].collect(), ngram=recipe.pool.ngram)
    return [
        contamination(contaminated_prompts(mix, benchmarks), limit=limits.contaminated_prompts),
        duplicates(mix, limit=limits.duplicate_rows),
        truncation(mix, tables["sampled_traces"], limit=limits.truncated_share),
        verifier_errors(mix_verifiers(mix, tables), tables["verification_canaries"], limits=recipe.verification),
        licences(mix, allowed=limits.allowed_licenses),
        *language_shares(mix, recipe),
        *row_counts(mix, recipe),
        *asked_shares(mix, "domain", recipe.sft_mix.domain_shares, tolerance=limits.domain_share_tolerance),
        *asked_shares(mix, "component", recipe.sft_mix.component_shares, tolerance=limits.domain_share_tolerance),
        *(result for name, rows in _other_sets(tables, recipe) for result in _gates_of(name, rows, benchmarks, limits)),
    ]


def _other_sets(tables: Mapping[str, pl.LazyFrame], recipe: Recipe) -> Iterator[tuple[str, pl.LazyFrame]]:
    """The tables that are released beside the mix, by name, with the rows that are."""
    layouts = {LAYOUTS[name].table: LAYOUTS[name] for name in recipe.release.formats}
    for name, layout in sorted(layouts.items()):
        if name != "sft_mix":
            yield name, layout.rows_of(tables[name])


def _gates_of(name: str, rows: pl.LazyFrame, benchmarks: BenchmarkIndex, limits: Gates) -> Iterator[GateResult]:
    """Whoever takes a set from the release passes its rows on, and is evaluated on the benchmarks."""
    overlaps = overlapping_prompts(rows.select("prompt_id", "prompt"), benchmarks)
    for result in (
        contamination(overlaps, limit=limits.contaminated_prompts),
        licences(rows, allowed=limits.allowed_licenses),
    ):
        yield replace(result, gate=f"{result.gate} of {name}")


def require_passed(results: Sequence[GateResult]) -> None:
    """Stop at gates that failed.

    Raises:
        ReleaseError: naming each failed gate with what was found, its limit and the remedy.
    """
    failed = [result for result in results if not result.passed]
    if failed:
        lines = [f"  - {one.gate}: found {one.found}; limit {one.limit}. {one.remedy}" for one in failed]
        raise ReleaseError(
            f"the release is blocked by {len(failed)} of {len(results)} gates; the last release stays as it is.\n"
            + "\n".join(lines)
        )


def contaminated_prompts(mix: pl.LazyFrame, benchmarks: BenchmarkIndex) -> pl.DataFrame:
    """The overlaps of the mix's prompts with benchmarks, schema `decontamination.OVERLAP_SCHEMA`."""
    return overlapping_prompts(mix.select("prompt_id", prompt=first_user_turn()), benchmarks)


def overlapping_prompts(prompts: pl.LazyFrame, benchmarks: BenchmarkIndex) -> pl.DataFrame:
    """The overlaps of prompts (prompt_id, prompt) with benchmarks, schema `decontamination.OVERLAP_SCHEMA`."""
    different = prompts.unique("prompt_id").collect(engine="streaming").sort("prompt_id")
    return benchmarks.overlaps(different.with_columns(solution=pl.lit(None, pl.String)))


def contamination(found: pl.DataFrame, *, limit: int) -> GateResult:
    """Prompts that share an n-gram with a benchmark; `found` is of `overlapping_prompts`."""
    examples = [f"{row['prompt_id']} with {row['benchmark']}" for row in found.head(_NAMED).iter_rows(named=True)]
    return GateResult(
        gate="contamination",
        passed=found.height <= limit,
        found=_counted(found.height, "prompts", examples),
        limit=f"at most {limit:,}",
        remedy="Materialise prompt_pool again, which removes them, and chat_sft_data, which does so unless "
        "`chat_sft_data.decontaminate` is no, then what follows from them; the limit is "
        "`release.gates.contaminated_prompts`.",
    )


def duplicates(mix: pl.LazyFrame, *, limit: int) -> GateResult:
    """Rows whose conversation, turn by turn, or whose trace_id another row has too."""
    rows = mix.select("trace_id", text=conversation_hash()).collect(engine="streaming")
    repeated = rows.filter(~pl.col("trace_id").is_first_distinct() | ~pl.col("text").is_first_distinct())
    return GateResult(
        gate="duplicates",
        passed=repeated.height <= limit,
        found=_counted(repeated.height, "repeated rows", repeated["trace_id"].sort().head(_NAMED).to_list()),
        limit=f"at most {limit:,}",
        remedy="Materialise the data sets of the mix again, then sft_mix; the limit is `release.gates.duplicate_rows`.",
    )


def truncation(mix: pl.LazyFrame, sampled: pl.LazyFrame, *, limit: float) -> GateResult:
    """Share of rows whose completion ended at the token limit."""
    cut = sampled.filter(pl.col("finish_reason") == "length").select("trace_id")
    rows, truncated = count_rows(mix), count_rows(mix.select("trace_id").join(cut, on="trace_id", how="semi"))
    share = truncated / rows if rows else 0.0
    return GateResult(
        gate="truncated share",
        passed=share <= limit,
        found=f"{share:.2%} ({truncated:,} of {rows:,} rows)",
        limit=f"at most {limit:.2%}",
        remedy="Raise `sampling.max_tokens` and sample again; the limit is `release.gates.truncated_share`.",
    )


def mix_verifiers(mix: pl.LazyFrame, tables: Mapping[str, pl.LazyFrame]) -> list[str]:
    """Kinds of the verifiers that judged rows of the mix, sorted."""
    pool = tables["prompt_pool"].join(mix.select("prompt_id"), on="prompt_id", how="semi")
    return sorted(pool.select("verifier").unique().collect()["verifier"])


def verifier_errors(kinds: Sequence[str], known: pl.LazyFrame, *, limits: Verification) -> GateResult:
    """Error rates of the verifiers `kinds` on the known answers in `known`, table `verification_canaries`.

    A known answer that no machine judged is no error; one at least of each sort must have been judged.
    """
    rates = error_rates(known.filter(pl.col("verifier").is_in(list(kinds))))
    wrong = rates.filter(
        ~(pl.col("false_accept_rate") <= _limit(limits, "false_accept_limit")).fill_null(value=False)
        | ~(pl.col("false_reject_rate") <= _limit(limits, "false_reject_limit")).fill_null(value=False)
    )
    faults = [_rates_in_words(row) for row in wrong.iter_rows(named=True)]
    faults += [f"{kind} not measured" for kind in sorted(set(kinds) - set(rates["verifier"]))]
    return GateResult(
        gate="verifier errors",
        passed=not faults,
        found="; ".join(faults) or f"{', '.join(kinds) or 'no verifier'} within the limits",
        limit=f"false accepts at most {limits.false_accept_limit:.2%}, false rejects at most "
        f"{limits.false_reject_limit:.2%}" + _limits_of_judge(limits),
        remedy="Materialise verified_traces again with a verifier that is right on the answers in "
        "verification_canaries; the limits are in `verification`.",
    )


def licences(mix: pl.LazyFrame, *, allowed: Sequence[str]) -> GateResult:
    """Rows whose source has a licence that the recipe does not allow."""
    counts = mix.group_by("license", "source").len("rows").sort("license", "source").collect()
    refused = [row for row in counts.iter_rows(named=True) if not is_allowed(row["license"], allowed)]
    examples = [f"{row['license']!r} of {row['source']}" for row in refused[:_NAMED]]
    return GateResult(
        gate="licences",
        passed=not refused,
        found=_counted(sum(row["rows"] for row in refused), "rows under other licences", examples),
        limit=f"one of {', '.join(allowed)}",
        remedy="Remove the sources, or add the SPDX identifier to `release.gates.allowed_licenses` if you may pass "
        "their rows on.",
    )


def language_shares(mix: pl.LazyFrame, recipe: Recipe) -> list[GateResult]:
    """The share of each language that the recipe limits."""
    found = _shares(mix, "language")
    return [
        GateResult(
            gate=f"language share {language}",
            passed=bounds.minimum <= found.get(language, 0.0) <= bounds.maximum,
            found=f"{found.get(language, 0.0):.2%}",
            limit=f"{bounds.minimum:.2%} to {bounds.maximum:.2%}",
            remedy=f"Add or limit sources of the language; the range is `release.gates.language_shares.{language}`.",
        )
        for language, bounds in recipe.release.gates.language_shares.items()
    ]


def row_counts(mix: pl.LazyFrame, recipe: Recipe) -> list[GateResult]:
    """Rows of the mix against those asked for; an empty mix fails, unless the recipe asks no model and no number."""
    rows, asked = count_rows(mix), recipe.sft_mix.rows
    fewest = 1 if recipe.models else 0
    least = fewest if asked is None else max(1, round(asked * recipe.release.gates.minimum_row_share))
    return [
        GateResult(
            gate="rows",
            passed=least <= rows <= (asked or rows),
            found=f"{rows:,}",
            limit=f"at least {least:,}" if asked is None else f"{least:,} to {asked:,}",
            remedy="Look at the reasons in the tables of dropped rows, then add prompts, samples or models, or change "
            "`sft_mix.rows` or `release.gates.minimum_row_share`; if there are too many rows, materialise sft_mix.",
        )
    ]


def asked_shares(
    mix: pl.LazyFrame, column: str, shares: Mapping[Any, float] | None, *, tolerance: float
) -> list[GateResult]:
    """The share of each value of a column against the one asked for, to the tolerance or, if that is more, one row."""
    found, rows = _shares(mix, column), count_rows(mix)
    nearest = max(tolerance, 1 / rows if rows else 1.0)
    return [
        GateResult(
            gate=f"{column} share {name}",
            passed=abs(found.get(name, 0.0) - share) <= nearest + 1e-9,
            found=f"{found.get(name, 0.0):.2%}",
            limit=f"{share:.2%} ± {nearest:.2%}",
            remedy=f"Materialise sft_mix again with this recipe; the shares are `sft_mix.{column}_shares`. Shares of "
            "components and of domains can contradict each other: domains are cut last.",
        )
        for name, share in (shares or {}).items()
    ]


def _limit(verification: Verification, name: str) -> pl.Expr:
    """The limit for each verifier: the judge's own for kinds that it decides about."""
    rule, judge = getattr(verification, name), verification.judge
    if judge is None:
        return pl.lit(rule)
    is_judged = pl.col("verifier").is_in(judged_kinds(verification.decided_by))
    return pl.when(is_judged).then(pl.lit(getattr(judge, name))).otherwise(pl.lit(rule))


def _limits_of_judge(verification: Verification) -> str:
    judge = verification.judge
    if judge is None:
        return ""
    return f"; of the judge {judge.false_accept_limit:.2%} and {judge.false_reject_limit:.2%}"


def _rates_in_words(row: Mapping[str, object]) -> str:
    return (
        f"{row['verifier']} accepts {row['false_accepts']} of {row['wrong']} wrong answers and rejects "
        f"{row['false_rejects']} of {row['right']} right ones"
    )


def _counted(count: int, what: str, examples: Sequence[str]) -> str:
    return f"{count:,} {what}" + (f" ({', '.join(examples)}{', …' if count > len(examples) else ''})" if count else "")


def _shares(mix: pl.LazyFrame, column: str) -> dict[str, float]:
    counts = dict(mix.group_by(column).len().collect().iter_rows())
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()}
