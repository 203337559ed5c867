"""The safety set from the tables: open answers, and a judge's label on each."""

import polars as pl

from openreason_dagster.domain.curation.splits import with_cluster
from openreason_dagster.domain.datasets.open_answers import open_answers
from openreason_dagster.domain.datasets.safety_rows import choose_responses, labelled_rows, responses, with_whole_text
from openreason_dagster.domain.inference.asked_again import ask_until_read
from openreason_dagster.domain.schemas import SAFETY_SET, SAFETY_SET_DROPPED
from openreason_dagster.domain.verification.safety_judge import Labelled, Response, question, read_label
from openreason_dagster.resources.judge_desk import JudgeDesk, judge_desk
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.row_spool import RowSpool
from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

JUDGE_KEY = "safety_set.judge"
_ROWS_PER_BATCH = 1_000


def build_safety_set(
    tables: Tables, workspace: Workspace, *, split: pl.Expr, run_id: str, progress: ProgressListener
) -> None:
    """Replace safety_set and its side table; a recipe without `safety_set` leaves both empty.

    Replies are committed as they come, so that a run that ends early asks only for what is missing. `split` reads the
    column cluster_id.

    Raises:
        RecipeError: the judge or its template cannot be used.
        EngineError: the judge's model is gone.
    """
    rules = workspace.recipe().safety_set
    if rules is None:
        tables.replace("safety_set_dropped", SAFETY_SET_DROPPED.frame([]))
        tables.replace("safety_set", SAFETY_SET.frame([]))
        return
    scoped = recipe_tables(tables, workspace)
    answers = open_answers(scoped, rules)
    chosen, dropped = choose_responses(answers, rules)
    whole = with_whole_text(with_cluster(answers, scoped["prompt_clusters"]), split=split)
    rows = whole.join(chosen.lazy(), on="trace_id", how="semi").sort("trace_id")
    desk_of = judge_desk(tables, workspace, settings=rules.judge, key=JUDGE_KEY, run_id=run_id, progress=progress)
    with desk_of as desk, RowSpool() as labelled:
        for batch in rows.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming", maintain_order=True):
            asked = responses(batch)
            labels = _labels(desk, asked, attempts=rules.attempts)
            labelled.add(labelled_rows(batch, labels, asked=asked, judge=rules.judge.model))
        tables.replace("safety_set_dropped", dropped)
        tables.replace("safety_set", labelled.frames())


def _labels(desk: JudgeDesk, asked: list[Response], *, attempts: int) -> dict[Response, Labelled]:
    return ask_until_read(
        desk.judge.ask,
        asked,
        question=lambda response, attempt: question(response, attempt=attempt, template=desk.template),
        read=read_label,
        is_unreadable=lambda found: found.reason == "unreadable",
        attempts=attempts,
    )
