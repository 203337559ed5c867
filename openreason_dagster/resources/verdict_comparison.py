"""What the verifiers of today would change: stored traces judged again, beside their stored verdicts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.datasets.choose_mix import choose_mix
from openreason_dagster.domain.datasets.components import component_rows
from openreason_dagster.domain.datasets.reasoning_data import candidates, select_reasoning_data
from openreason_dagster.domain.datasets.replaced_references import with_replaced_references
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.rewards.total import total
from openreason_dagster.domain.verification.verify import Judge
from openreason_dagster.resources.judging import PROMPT_COLUMNS, TRACE_COLUMNS
from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

Frames = Mapping[str, pl.LazyFrame]

_ROWS_PER_BATCH = 2_000
_NEW = {
    "verdict": "new_verdict",
    "is_correct": "new_is_correct",
    "extracted_answer": "new_extracted_answer",
    "message": "new_message",
    "verifier_version": "new_version",
}


@dataclass(frozen=True, kw_only=True)
class VerdictComparison:
    """Stored verdicts beside those of the verifiers that are installed now."""

    judged: int
    """Stored verdicts that were found again."""
    flips: pl.DataFrame
    """verifier_version, new_version, verdict, new_verdict, traces: how many changed from one to another."""
    changed: pl.DataFrame
    """One row per changed trace: trace_id, prompt_id, reference_answer, and before and after the change (`new_`…) the
    verdict, extracted_answer and message."""
    data_sets: pl.DataFrame
    """data_set (reasoning_data, sft_mix), rows, new_rows, leaving, entering: traces in it now, and with the changes."""


def compare_verdicts(tables: Tables, workspace: Workspace, judge: Judge) -> VerdictComparison:
    """Judge the recipe's verified traces again and see what flips, and what of that would reach the mix.

    Samples nothing and writes no verdict. Of traces that do not change, only keys and verdicts are held in memory.
    """
    scoped = recipe_tables(tables, workspace)
    stored = scoped["verified_traces"].select("trace_id", "verdict", "verifier_version").collect()
    narrow, changed = [], []
    for batch in _judged_again(scoped, stored, judge):
        narrow.append(batch.select("trace_id", "new_verdict", "new_is_correct"))
        changed.append(batch.filter(pl.col("verdict") != pl.col("new_verdict")))
    flipped = pl.concat(changed) if changed else pl.DataFrame(schema=_CHANGED_SCHEMA)
    renewed = pl.concat(narrow) if narrow else pl.DataFrame(schema=_NARROW_SCHEMA)
    keys = ["verifier_version", "new_version", "verdict", "new_verdict"]
    return VerdictComparison(
        judged=renewed.height,
        flips=flipped.group_by(keys).len("traces").sort("traces", *keys, descending=[True, False, False, False, False]),
        changed=_with_evidence(flipped, scoped["verified_traces"]),
        data_sets=_effect(scoped, renewed, workspace.recipe()),
    )


_CHANGED_SCHEMA = pl.Schema(
    {
        name: pl.Boolean() if name == "new_is_correct" else pl.String()
        for name in ("trace_id", "prompt_id", "reference_answer", "verdict", "verifier_version", *_NEW.values())
    }
)
_NARROW_SCHEMA = pl.Schema({name: _CHANGED_SCHEMA[name] for name in ("trace_id", "new_verdict", "new_is_correct")})


def _judged_again(tables: Frames, stored: pl.DataFrame, judge: Judge) -> Iterator[pl.DataFrame]:
    """Batches with the columns of `_CHANGED_SCHEMA`."""
    prompts = tables["prompt_pool"].select("prompt", *PROMPT_COLUMNS)
    traces = tables["sampled_traces"].select(TRACE_COLUMNS).join(prompts, on="prompt_id", how="inner")
    known = traces.join(stored.lazy().select("trace_id"), on="trace_id", how="semi")
    for verdicts in judge(known.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")):
        renewed = verdicts.select("trace_id", "prompt_id", "reference_answer", *_NEW).rename(_NEW)
        yield renewed.join(stored, on="trace_id", how="inner").select(_CHANGED_SCHEMA.names())


def _with_evidence(changed: pl.DataFrame, stored: pl.LazyFrame) -> pl.DataFrame:
    """The changed traces with what the stored verdicts rest on."""
    evidence = stored.select("trace_id", "extracted_answer", "message")
    joined = changed.lazy().join(evidence, on="trace_id", how="left").sort("verdict", "new_verdict", "trace_id")
    return joined.select(
        "trace_id", "prompt_id", "reference_answer", "verdict", "new_verdict", "extracted_answer",
        "new_extracted_answer", "message", "new_message",
    ).collect(engine="streaming")  # fmt: skip


def _effect(tables: Frames, renewed: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Rows of the data sets as the stored verdicts make them, and as the new ones would."""
    before, after = _chosen(tables, recipe), _chosen(_with_verdicts(tables, renewed, recipe), recipe)
    return pl.DataFrame(
        [
            {
                "data_set": name,
                "rows": len(before[name]),
                "new_rows": len(after[name]),
                "leaving": len(before[name] - after[name]),
                "entering": len(after[name] - before[name]),
            }
            for name in before
        ]
    )


def _chosen(tables: Frames, recipe: Recipe) -> dict[str, set[str]]:
    """trace_ids that rejection sampling keeps, and those of them that enter the mix; suspicions stay as stored."""
    in_effect = with_replaced_references(tables, recipe.reward_weights.model_dump())
    rows = candidates(in_effect, tables["sampled_traces"], rules=recipe.reasoning_data).collect(engine="streaming")
    kept = select_reasoning_data(rows, recipe.reasoning_data).kept
    components = component_rows({**tables, "reasoning_data": kept.lazy()}).collect(engine="streaming")
    mix = choose_mix(components, tables, recipe).chosen if components.height else components
    return {"reasoning_data": set(kept["trace_id"]), "sft_mix": set(mix["trace_id"])}


def _with_verdicts(tables: Frames, renewed: pl.DataFrame, recipe: Recipe) -> Frames:
    """The tables with new verdicts, and with the rewards that follow from these."""
    verdicts = tables["verified_traces"].select("trace_id").join(renewed.lazy(), on="trace_id", how="inner")
    scores = tables["scored_traces"].join(renewed.lazy(), on="trace_id", how="inner").collect(engine="streaming")
    scores = scores.with_columns(reward_accuracy=pl.col("new_is_correct").cast(pl.Float64))
    scores = scores.with_columns(total(scores, recipe.reward_weights.model_dump()))
    return {
        **tables,
        "verified_traces": verdicts.rename({"new_verdict": "verdict"}),
        "scored_traces": scores.lazy(),
    }
