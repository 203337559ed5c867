"""Answers after a prompted chain of thought (OR6) from prompts of the tables and a writer's replies."""

from openreason_dagster.domain.schemas import COT_PROMPTED_RATINGS, COT_PROMPTED_TRACES, COT_PROMPTED_TRACES_DROPPED
from openreason_dagster.domain.writing.cot_prompted import answer_after_thinking
from openreason_dagster.domain.writing.cot_prompts import choose_prompts, non_reasoning_prompts, triaged
from openreason_dagster.domain.writing.recipe_texts import cot_template
from openreason_dagster.resources.answer_judging import answer_rater
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.row_spool import RowSpool
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace
from openreason_dagster.resources.writing import writing_desk

_ROWS_PER_BATCH = 2_000


def build_cot_prompted_traces(tables: Tables, workspace: Workspace, *, run_id: str, progress: ProgressListener) -> None:
    """Replace cot_prompted_traces and its side tables; a recipe without `cot_prompted` leaves all empty.

    Replies are committed as they come, so that a run that ends early asks only for what is missing.

    Raises:
        RecipeError: the writer, its template or the judge cannot be used.
        EngineError: the writer's or the judge's model is gone.
    """
    rules = workspace.recipe().cot_prompted
    if rules is None:
        tables.replace("cot_prompted_ratings", COT_PROMPTED_RATINGS.frame([]))
        tables.replace("cot_prompted_traces_dropped", COT_PROMPTED_TRACES_DROPPED.frame([]))
        tables.replace("cot_prompted_traces", COT_PROMPTED_TRACES.frame([]))
        return
    template = cot_template(rules, workspace.recipe_folder)
    found = {name: tables.scan(name) for name in ("chat_sft_data", "prompt_pool")}
    prompts = non_reasoning_prompts(found, rules)
    asked, left = choose_prompts(
        triaged(prompts.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")), rules
    )
    desk = writing_desk(
        tables, workspace, settings=rules.writer, key="cot_prompted.writer.model", run_id=run_id, progress=progress
    )  # fmt: skip
    rating = answer_rater(tables, workspace, rules.judge, run_id=run_id, progress=progress)
    with desk as writer, rating as rater, RowSpool() as kept, RowSpool() as dropped, RowSpool() as ratings:
        dropped.add(left)
        chosen = prompts.join(asked.lazy(), on="prompt_id", how="semi").sort("prompt_id")
        for batch in chosen.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming"):
            answered = answer_after_thinking(
                batch, rules, template, ask=writer.ask, verify=writer.verify, rater=rater
            )  # fmt: skip
            kept.add(answered.kept)
            dropped.add(answered.dropped)
            ratings.add(answered.ratings)
        tables.replace("cot_prompted_ratings", ratings.frames())
        tables.replace("cot_prompted_traces_dropped", dropped.frames())
        tables.replace("cot_prompted_traces", kept.frames())
