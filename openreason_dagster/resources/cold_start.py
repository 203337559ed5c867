"""Cold-start data (OR1) from the tables: candidates, the writer's replies, and verdicts on what was written."""

import polars as pl

from openreason_dagster.domain.recipe import temperature_key
from openreason_dagster.domain.schemas import COLD_START_DATA, COLD_START_DATA_DROPPED
from openreason_dagster.domain.writing.cold_start import write_cold_start
from openreason_dagster.domain.writing.cold_start_candidates import choose_candidates, correct_traces, measured
from openreason_dagster.domain.writing.recipe_texts import cold_start_texts
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.row_spool import RowSpool
from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace
from openreason_dagster.resources.writing import writing_desk

_ROWS_PER_BATCH = 1_000
_PROMPT = ("prompt_id", "language", "prompt", "reference_answer", "verifier", "verifier_spec")


def build_cold_start_data(tables: Tables, workspace: Workspace, *, run_id: str, progress: ProgressListener) -> None:
    """Replace cold_start_data and its side table; a recipe without `cold_start` leaves both empty.

    Replies are committed as they come, so that a run that ends early asks only for what is missing.

    Raises:
        RecipeError: the writer or a template cannot be used.
        EngineError: the writer's model is gone.
    """
    rules = workspace.recipe().cold_start
    if rules is None:
        tables.replace("cold_start_data_dropped", COLD_START_DATA_DROPPED.frame([]))
        tables.replace("cold_start_data", COLD_START_DATA.frame([]))
        return
    rows = correct_traces(recipe_tables(tables, workspace), temperature_key(rules.temperature))
    chosen = choose_candidates(measured(rows.collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming")), rules)
    texts = cold_start_texts(rules, workspace.recipe_folder)
    desk = writing_desk(
        tables, workspace, settings=rules.writer, key="cold_start.writer.model", run_id=run_id, progress=progress
    )  # fmt: skip
    with desk as writer, RowSpool() as kept, RowSpool() as dropped:
        dropped.add(chosen.dropped)
        for batch in _with_texts(chosen.kept, tables).collect_batches(chunk_size=_ROWS_PER_BATCH, engine="streaming"):
            written = write_cold_start(
                batch, rules, texts, ask=writer.ask, verify=writer.verify, writer=rules.writer.model
            )  # fmt: skip
            kept.add(written.kept)
            dropped.add(written.dropped)
        tables.replace("cold_start_data_dropped", dropped.frames())
        tables.replace("cold_start_data", kept.frames())


def _with_texts(chosen: pl.DataFrame, tables: Tables) -> pl.LazyFrame:
    """The chosen traces with their texts, the answer that the verifier found, and their prompts, by trace_id."""
    keys = {"model": chosen["model"].unique().to_list(), "temperature": chosen["temperature"].unique().to_list()}
    texts = tables.scan("sampled_traces", **keys).select("trace_id", "reasoning", "answer")
    found = tables.scan("verified_traces", **keys).select("trace_id", "extracted_answer").unique("trace_id")
    return (
        chosen.lazy()
        .join(texts, on="trace_id", how="inner")
        .join(found, on="trace_id", how="inner")
        .join(tables.scan("prompt_pool").select(_PROMPT), on="prompt_id", how="inner")
        .sort("trace_id")
    )
