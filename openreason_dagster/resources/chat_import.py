"""Chat SFT data (OR2) from the recipe's chat sources into its table."""

from collections.abc import Iterator

from openreason_dagster.domain.chat.filters import ChatFilters
from openreason_dagster.domain.chat.read_chat import ChatRow, LeftOut, read_chat
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.resources.row_spool import RowSpool
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace


def import_chat_sources(tables: Tables, workspace: Workspace) -> None:
    """Replace chat_sft_data and its side table; a recipe without `chat_sources` leaves both empty.

    Raises:
        SourceError: a source cannot be read, or is no set of conversations.
    """
    recipe = workspace.recipe()
    benchmarks = tables.scan("benchmark_prompts").collect()
    filters = ChatFilters(recipe.chat_sft_data, benchmarks, ngram=recipe.pool.ngram)
    with RowSpool() as kept, RowSpool() as dropped:
        for batch in filters.batches(_rows(recipe, workspace)):
            kept.add(batch.kept)
            dropped.add(batch.dropped)
        tables.replace("chat_sft_data_dropped", dropped.frames())
        tables.replace("chat_sft_data", kept.frames())


def _rows(recipe: Recipe, workspace: Workspace) -> Iterator[ChatRow | LeftOut]:
    limit = recipe.chat_sft_data.rejected_share_limit
    for source in recipe.chat_sources:
        yield from read_chat(source, workspace.recipe_folder, rejected_share_limit=limit)
