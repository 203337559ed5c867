"""Suspect references: stated answers that no sample agrees with while the samples agree with each other."""

import dagster as dg
import polars as pl

from openreason_dagster.assets.metadata import definition_metadata, preview
from openreason_dagster.automation import FOLLOW_JUDGED_TRACES
from openreason_dagster.domain.curation.suspect_references import answers_without_reference, replaced_verdicts
from openreason_dagster.domain.curation.suspect_references import suspect_references as find_suspects
from openreason_dagster.domain.row_count import count_rows
from openreason_dagster.domain.schemas import SUSPECT_REFERENCES
from openreason_dagster.resources.judging import judge_of
from openreason_dagster.resources.scope import recipe_tables, require_own
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


@dg.asset(
    deps=["scored_traces", "verified_traces", "sampled_traces", "prompt_pool"],
    group_name="statistics",
    kinds={"deltalake"},
    metadata=definition_metadata(SUSPECT_REFERENCES),
    description=SUSPECT_REFERENCES.description,
    automation_condition=FOLLOW_JUDGED_TRACES,
)
def suspect_references(tables: Tables, workspace: Workspace) -> dg.MaterializeResult[None]:
    """Asset: likely bad references, with the majority answer beside them and what the recipe does about each.

    An asset of its own and not a side table of prompt_statistics: it starts verification workers, and what is built
    from prompts depends on it, which the graph then shows.
    """
    recipe = workspace.recipe()
    require_own("prompt_pool", tables, recipe)
    scoped, rules = recipe_tables(tables, workspace), recipe.references
    answers = answers_without_reference(scoped, minimum_samples=rules.minimum_samples).collect(engine="streaming")
    with judge_of(recipe.verification) as judge:
        suspects = find_suspects(answers, judge, rules)
        tables.replace("replaced_verdicts", replaced_verdicts(scoped, suspects, judge))
    tables.replace("suspect_references", suspects)
    by_treatment = suspects.group_by("treatment", "verifier").len("prompts").sort("treatment", "verifier")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": suspects.height,
            "prompts_without_a_correct_sample": answers["prompt_id"].n_unique(),
            "prompts_in_the_pool": count_rows(scoped["prompt_pool"]),
            "traces_judged_again": count_rows(tables.scan("replaced_verdicts")),
            "by_treatment": preview(by_treatment),
            "suspects": preview(suspects.sort(pl.col("votes"), "prompt_id", descending=[True, False]).drop("domain")),
        }
    )
