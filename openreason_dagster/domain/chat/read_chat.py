"""Rows of a chat source as conversations and rows set aside, streamed."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from openreason_dagster.domain.chat.layouts import Messages, Part, conversations
from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.provenance import normalise_text, stable_hash
from openreason_dagster.domain.recipe_chat import ChatColumns, FileChatSource, HubChatSource
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, text_of
from openreason_dagster.domain.seeds.file import read_file_rows
from openreason_dagster.domain.seeds.hub import read_hub_rows

COLUMN_CHECK_ROWS = 1_000
AnyChatSource = FileChatSource | HubChatSource
Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class ChatRow:
    """One conversation with what its set says of it."""

    conversation_id: str
    prompt_id: str
    source: str
    source_row_id: str
    domain: str
    language: str
    license: str
    quality: float | None
    messages: Messages


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A row, or a conversation of a row, that does not enter; the field names are the table's columns."""

    source: str
    source_row_id: str
    reason: str
    detail: str


def read_chat(source: AnyChatSource, base_folder: Path, *, rejected_share_limit: float) -> Iterator[ChatRow | LeftOut]:
    """Stream a source in its order; paths are relative to `base_folder`, the recipe's folder.

    Raises:
        SourceError: the source cannot be read, lacks a mapped column, or more of its rows than the limit allows are
            no conversations, which is known at its end.
    """
    where = f"chat source {source.name!r}"
    if isinstance(source, FileChatSource):
        rows = read_file_rows(base_folder / source.path, where=where)
    else:
        rows = read_hub_rows(source, base_folder, where=where)
    total, left_out, example = 0, 0, ""
    for number, row in enumerate(_with_columns(islice(rows, source.limit), source.mapped, where=where)):
        for found in conversations(row, source.mapped):
            total += 1
            result = _result(found, row, source, number=number)
            if isinstance(result, LeftOut):
                left_out += 1
                example = example or f"row {result.source_row_id}: {result.reason}, {result.detail}"
            yield result
    if left_out > rejected_share_limit * total or total == left_out:
        raise SourceError(
            f"{where}: {left_out} of {total} rows are no conversations, over the recipe limit "
            f"`chat_sft_data.rejected_share_limit` {rejected_share_limit:g}; the first is {example or 'none'}. Correct "
            "`layout` or `columns`, or raise the limit."
        )


def prompt_id_of(prompt: str) -> str:
    """Identity of an opening prompt that nothing verifies: a hash of its normalised text."""
    return stable_hash(["chat", normalise_text(prompt)])


def _with_columns(rows: Iterator[Row], columns: ChatColumns, *, where: str) -> Iterator[Row]:
    first = list(islice(rows, COLUMN_CHECK_ROWS))
    found = {str(name) for row in first for name in row}
    needed = {key: name for key, name in columns.model_dump().items() if name is not None and key != "input"}
    missing = [f"`{key}: {name}`" for key, name in needed.items() if name not in found]
    if missing:
        raise SourceError(
            f"{where}: lacks {', '.join(missing)}; found columns {', '.join(sorted(found)) or '(no rows)'}. Choose "
            "another `layout`, or name the columns with the layout `columns`."
        )
    return chain(first, rows)


def _result(found: Part | UnusableRowError, row: Row, source: AnyChatSource, *, number: int) -> ChatRow | LeftOut:
    row_id = _cell(row, source.mapped.id) or str(number)
    if isinstance(found, UnusableRowError):
        return LeftOut(source=source.name, source_row_id=row_id, reason=found.reason, detail=found.detail)
    turns = [[message.role, normalise_text(message.content)] for message in found.messages]
    prompt = next(message.content for message in found.messages if message.role == "user")
    return ChatRow(
        conversation_id=stable_hash(["conversation", source.name, number, found.suffix, turns]),
        prompt_id=prompt_id_of(prompt),
        source=source.name,
        source_row_id=row_id + found.suffix,
        domain=source.domain,
        language=source.language,
        license=_cell(row, source.mapped.license) or source.license,
        quality=_number(row.get(source.mapped.quality or "")),
        messages=found.messages,
    )


def _cell(row: Row, column: str | None) -> str | None:
    try:
        return text_of(row.get(column)) if column else None
    except UnusableRowError:
        return None


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
