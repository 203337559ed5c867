"""What an OpenAI-compatible server says, read with distrust: every deviation has a name."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from openreason_dagster.domain.inference.unicode_text import well_formed

FINISH_REASONS: dict[str, Literal["stop", "length"]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
}


class AttemptFailure(Exception):  # noqa: N818 - one attempt failed, which is not an error of the engine
    """Why one attempt brought no completion.

    Args:
        error: Class of the failure, as in `records.Failure`.
        message: What the boundary said.
        is_final: Whether another attempt would be in vain.
        retry_after: Seconds the server asked to wait.
    """

    def __init__(self, error: str, message: str, *, is_final: bool = False, retry_after: float | None = None) -> None:
        super().__init__(error, message)
        self.error = error
        self.message = message
        self.is_final = is_final
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class ChatReply:
    """The parts of a reply that are kept."""

    text: str
    reasoning: str | None
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int | None
    completion_tokens: int | None


def read_reply(body: bytes) -> ChatReply:
    """Read the body of a chat completion.

    Raises:
        AttemptFailure: `malformed_reply`, `empty_choices`, or `finish_reason` for one that is neither stop nor length.
    """
    reply = _parse(body)
    choices = _typed(reply, "choices", list)
    if not choices:
        raise AttemptFailure("empty_choices", "The reply has no choices.")
    if not isinstance(choices[0], dict):
        raise AttemptFailure("malformed_reply", "The first choice is not an object.")
    message = _typed(choices[0], "message", dict)
    content = _text(message, "content")
    reasoning = _text(message, "reasoning_content") or _text(message, "reasoning")
    if content is None and reasoning is None:
        raise AttemptFailure("malformed_reply", "The message has neither content nor reasoning.")
    usage = reply.get("usage")
    return ChatReply(
        text=content or "",
        reasoning=reasoning or None,
        finish_reason=_finish_reason(choices[0].get("finish_reason")),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
    )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AttemptFailure("malformed_reply", f"The reply is not JSON ({error}).") from error
    if not isinstance(reply, dict):
        raise AttemptFailure("malformed_reply", "The reply is not a JSON object.")
    return reply


def _typed(values: dict[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401 - of type `kind`
    value = values.get(key)
    if not isinstance(value, kind):
        raise AttemptFailure("malformed_reply", f"`{key}` is {type(value).__name__}; expected {kind.__name__}.")
    return value


def _text(message: dict[str, Any], key: str) -> str | None:
    return None if message.get(key) is None else well_formed(_typed(message, key, str))


def _finish_reason(reason: object) -> Literal["stop", "length"]:
    if not isinstance(reason, str):
        raise AttemptFailure("malformed_reply", f"`finish_reason` is {type(reason).__name__}; expected str.")
    if reason not in FINISH_REASONS:
        raise AttemptFailure("finish_reason", f"The server ended the completion with {reason[:80]!r}.", is_final=True)
    return FINISH_REASONS[reason]


def _count(usage: object, key: str) -> int | None:
    value = usage.get(key) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None
