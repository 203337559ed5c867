"""The SFT mix written in parts: files of texts become files of the mix, which one commit takes over."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.datasets.components import (
    TEXTS,
    Frames,
    component_conversations,
    component_of,
    pool_prompts,
)
from openreason_dagster.domain.each_part import EachPart, file_parts
from openreason_dagster.domain.schemas import SFT_MIX
from openreason_dagster.resources.tables import Tables

if TYPE_CHECKING:
    from deltalake.transaction import AddAction


def replace_mix_in_parts(tables: Tables, chosen: pl.DataFrame, parts: Frames, *, each: EachPart) -> None:
    """Replace sft_mix by the conversations of the chosen rows, as `mixed_conversations` gives them.

    Args:
        tables: In a folder that has the same path wherever a part is done.
        chosen: Rows of `component_rows` with their split. They and their prompts are held in memory, no other text.
        parts: Has prompt_pool.
        each: Does the parts.

    Raises:
        TableError: a part's rows or files are refused.
    """
    prompts = pool_prompts(chosen, parts)
    staged: list[AddAction] = []
    for rows in chosen.sort("component", maintain_order=True).partition_by("component", maintain_order=True):
        table, _ = TEXTS[component_of(rows)]
        found = each(
            stage_conversations, file_parts(tables.files(table)), chosen=rows, prompts=prompts, root=tables.root
        )
        staged += [_action(text) for part in found for text in part["file"]]
    tables.take_over(SFT_MIX.name, staged)


def stage_conversations(files: pl.DataFrame, *, chosen: pl.DataFrame, prompts: pl.DataFrame, root: str) -> pl.DataFrame:
    """Write the conversations of the chosen rows whose texts are in these files, and say which files a commit adds.

    Done again it writes other files; those of a part that is lost are left to `vacuum`.
    """
    frames = (frame for path in files["path"] for frame in _conversations(path, chosen, prompts))
    staged = Tables(root=root).stage(SFT_MIX.name, frames)
    return pl.DataFrame({"file": [json.dumps(asdict(file)) for file in staged]}, schema={"file": pl.String})


def _conversations(path: str, chosen: pl.DataFrame, prompts: pl.DataFrame) -> Iterator[pl.DataFrame]:
    texts = pl.scan_parquet(path)
    rows = chosen.join(texts.select("trace_id").collect(), on="trace_id", how="semi")
    if rows.height:
        table, _ = TEXTS[component_of(rows)]
        asked = prompts.join(rows, on="prompt_id", how="semi")
        yield from component_conversations(rows, {table: texts}, prompts=asked)


def _action(text: str) -> "AddAction":
    from deltalake.transaction import AddAction

    return AddAction(**json.loads(text))
