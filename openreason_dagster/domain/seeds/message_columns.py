"""Prompts inside conversations: a column may be named `messages[user]`, the first text of a role in a conversation."""

import re
from collections.abc import Iterable, Iterator, Mapping

from openreason_dagster.domain.conversation import first_text
from openreason_dagster.domain.recipe_columns import Columns

Row = Mapping[str, object]

_IN_CONVERSATION = re.compile(r"(?P<column>.+)\[(?P<role>system|user|assistant)\]")


def with_message_columns(rows: Iterable[Row], columns: Columns) -> Iterator[Row]:
    """The same rows, with a cell of its own for every mapped column that names a role in a conversation.

    `messages[user]` and `conversations[user]` read turns with `role` and `content` or with `from` and `value`. A row
    without the conversation's column gets no cell; one whose conversation lacks the role gets None.
    """
    named = [name for name in columns.model_dump().values() if name is not None]
    wanted = {name: match for name in named if (match := _IN_CONVERSATION.fullmatch(name))}
    if not wanted:
        yield from rows
        return
    for row in rows:
        cells = {
            name: first_text(row[match["column"]], match["role"])
            for name, match in wanted.items()
            if match["column"] in row
        }
        yield {**cells, **row}
