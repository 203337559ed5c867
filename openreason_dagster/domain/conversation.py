"""Conversations as data sets publish them: a list of turns with `role` and `content`, or with `from` and `value`."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
"""What the known names of a speaker stand for."""
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
"""Where chat formats keep the reasoning of an assistant's turn apart from its content."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn; None where the data has nothing that can be read."""

    role: str | None
    text: str | None
    reasoning: str | None


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """The first question of a conversation and the answer to it."""

    system: str | None
    """Text of the system turns before the question."""
    prompt: str
    completion: str
    reasoning: str | None
    """Reasoning that the turn keeps apart from its content."""
    turns_left_out: int
    """Turns after the answer: they continue a conversation, so they do not answer the question alone."""


def read_turns(value: object) -> list[Turn]:
    """All turns in order; none when the value is no list."""
    return [_turn(item) for item in value] if isinstance(value, list) else []


def first_exchange(value: object) -> Exchange | None:
    """The user turn that opens a conversation, after system turns at most, and the assistant turn right after it.

    None when the conversation does not begin so: its first answer then depends on more than one question.
    """
    turns = read_turns(value)
    system = list(takewhile(lambda turn: turn.role == "system", turns))
    rest = turns[len(system) :]
    if [turn.role for turn in rest[:2]] != ["user", "assistant"]:
        return None
    question, answer = rest[:2]
    if question.text is None or answer.text is None:
        return None
    return Exchange(
        system="\n".join(turn.text for turn in system if turn.text) or None,
        prompt=question.text,
        completion=answer.text,
        reasoning=answer.reasoning,
        turns_left_out=len(rest) - 2,
    )


def first_text(value: object, role: str) -> str | None:
    """Text of the first turn of a role (`system`, `user` or `assistant`); None if there is none."""
    return next((turn.text for turn in read_turns(value) if turn.role == role), None)


def _turn(item: object) -> Turn:
    fields = item if isinstance(item, Mapping) else {}
    name = fields.get("role", fields.get("from"))
    return Turn(
        role=ROLES.get(name.lower()) if isinstance(name, str) else None,
        text=_text(fields.get("content", fields.get("value"))),
        reasoning=next((text for key in REASONING_KEYS if (text := _text(fields.get(key))) is not None), None),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
