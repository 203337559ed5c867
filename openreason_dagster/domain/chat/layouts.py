"""From a row of a chat source to its conversations, or to the reason why it has none."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from openreason_dagster.domain.conversation import Turn, read_turns
from openreason_dagster.domain.inference.reasoning import THINK_CLOSE, THINK_OPEN
from openreason_dagster.domain.recipe_chat import ChatColumns
from openreason_dagster.domain.records import Message, Role
from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of

Row = Mapping[str, object]
Messages = tuple[Message, ...]

_THINK_TAG = re.compile(f"{re.escape(THINK_OPEN)}|{re.escape(THINK_CLOSE)}")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One conversation of a row."""

    suffix: str
    """Told apart from others of its row by this end of its identifier; empty where there is one."""
    messages: Messages


def conversations(row: Row, columns: ChatColumns) -> Iterator[Part | UnusableRowError]:
    """Every conversation of a row, each well-formed: system turn at most, then user and assistant by turns to the end.

    What is not is given as the error that says why.
    """
    try:
        yield from _parts(row, columns)
    except UnusableRowError as error:
        yield error


def _parts(row: Row, columns: ChatColumns) -> Iterator[Part]:
    if columns.messages is not None:
        yield Part(suffix="", messages=_whole_conversation(row.get(columns.messages), columns, row))
    elif columns.instances is not None:
        instances = row.get(columns.instances)
        if not isinstance(instances, list) or not instances:
            raise UnusableRowError("no_answer", f"column {columns.instances!r} holds {shown(instances)}")
        for number, instance in enumerate(instances):
            cells = instance if isinstance(instance, Mapping) else {}
            pair = _pair(row, columns, given=cells.get("input"), answer=cells.get("output"))
            yield Part(suffix=f"-{number}" if len(instances) > 1 else "", messages=pair)
    else:
        given = row.get(columns.input) if columns.input else None
        yield Part(suffix="", messages=_pair(row, columns, given=given, answer=row.get(columns.output or "")))


def _pair(row: Row, columns: ChatColumns, *, given: object, answer: object) -> Messages:
    instruction = _text(row.get(columns.instruction or ""))
    if instruction is None:
        raise UnusableRowError("bad_turns", f"column {columns.instruction!r} holds no text")
    reply = _text(answer)
    if reply is None:
        raise UnusableRowError("no_answer", f"the answer is {shown(answer)}")
    question = "\n\n".join(text for text in (instruction, _text(given)) if text is not None)
    pair = (Message(role="user", content=question), Message(role="assistant", content=reply))
    return _without_reasoning((*_system(row, columns), *pair))


def _whole_conversation(value: object, columns: ChatColumns, row: Row) -> Messages:
    turns = read_turns(value)
    if any(turn.reasoning for turn in turns):
        raise UnusableRowError("has_reasoning", "a turn keeps its reasoning in a field of its own")
    messages = [_message(turn, number) for number, turn in enumerate(turns)]
    opening = [message for message in messages if message.role == "system"]
    rest = messages[len(opening) :]
    if opening != messages[: len(opening)] or len(opening) > 1:
        raise UnusableRowError("bad_turns", "a system turn stands after the beginning")
    if not any(message.role == "assistant" for message in rest):
        raise UnusableRowError("no_answer", f"{len(rest)} turns and none of the assistant")
    wanted: list[Role] = ["user", "assistant"]
    if len(rest) % 2 or any(message.role != wanted[place % 2] for place, message in enumerate(rest)):
        roles = ", ".join(message.role for message in rest[:12])
        raise UnusableRowError("bad_turns", f"user and assistant do not take turns: {roles}")
    return _without_reasoning((*(opening or _system(row, columns)), *rest))


def _message(turn: Turn, number: int) -> Message:
    text = _text(turn.text)
    if turn.role not in ("system", "user", "assistant") or text is None:
        raise UnusableRowError("bad_turns", f"turn {number} has role {turn.role!r} and text {shown(turn.text)}")
    role: Role = "system" if turn.role == "system" else "user" if turn.role == "user" else "assistant"
    return Message(role=role, content=text)


def _system(row: Row, columns: ChatColumns) -> list[Message]:
    text = _text(row.get(columns.system)) if columns.system else None
    return [] if text is None else [Message(role="system", content=text)]


def _without_reasoning(messages: Messages) -> Messages:
    if any(message.role == "assistant" and _THINK_TAG.search(message.content) for message in messages):
        raise UnusableRowError("has_reasoning", "an assistant turn holds a think tag")
    return messages


def _text(value: object) -> str | None:
    text = text_of(value)
    return None if text is None else text.strip()
