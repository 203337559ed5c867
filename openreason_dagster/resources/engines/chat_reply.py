"""What an OpenAI-compatible server says, read with distrust: every deviation has a name."""

import json
import sys
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
        is_counted: Whether it counts as an attempt; one that the server put off does not.
        retry_after: Seconds the server asked to wait.
    """

    def __init__(
        self,
        error: str,
        message: str,
        *,
        is_final: bool = False,
        is_counted: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(error, message)
        self.error = error
        self.message = message
        self.is_final = is_final
        self.is_counted = is_counted
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The parts of one sample that are kept."""

    text: str
    reasoning: str | None
    finish_reason: Literal["stop", "length"]
    token_logprobs: tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back for one HTTP request: each sample by itself, tokens as the server counts them."""

    choices: tuple[Choice | AttemptFailure, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    """Of all samples together."""

    @property
    def tokens(self) -> int | None:
        """Prompt and generated tokens together; None if the server does not say."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens

    def completion_tokens_of(self, choice: Choice) -> int | None:
        """Tokens of one sample: the server's count if it made only this one, else as many as have a probability."""
        if len(self.choices) == 1:
            return self.completion_tokens
        return None if choice.token_logprobs is None else len(choice.token_logprobs)


def read_reply(body: bytes, api: Literal["chat", "completions"]) -> Reply:
    """Read the body of a chat or text completion.

    Raises:
        AttemptFailure: `malformed_reply` or `empty_choices`: the reply as a whole has no sample. A single sample that
            cannot be used is in the reply, as `malformed_reply` or as `finish_reason` (neither stop nor length).
    """
    reply = _parse(body)
    choices = _typed(reply, "choices", list)
    if not choices:
        raise AttemptFailure("empty_choices", "The reply has no choices.")
    usage = reply.get("usage")
    return Reply(
        choices=tuple(_choice_or_failure(choice, api) for choice in choices),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
    )


def _choice_or_failure(choice: object, api: str) -> Choice | AttemptFailure:
    if not isinstance(choice, dict):
        return AttemptFailure("malformed_reply", "A choice is not an object.")
    try:
        text, reasoning = _written(choice, api)
        return Choice(
            text=text,
            reasoning=reasoning,
            finish_reason=_finish_reason(choice.get("finish_reason")),
            token_logprobs=_token_logprobs(choice.get("logprobs")),
        )
    except AttemptFailure as failure:
        return failure


def _written(choice: dict[str, Any], api: str) -> tuple[str, str | None]:
    """Text and reasoning of one sample."""
    if api == "completions":
        return well_formed(_typed(choice, "text", str)), None
    message = _typed(choice, "message", dict)
    content = _text(message, "content")
    reasoning = _text(message, "reasoning_content") or _text(message, "reasoning")
    if content is None and reasoning is None:
        raise AttemptFailure("malformed_reply", "The message has neither content nor reasoning.")
    return content or "", reasoning or None


def _token_logprobs(logprobs: object) -> tuple[float, ...] | None:
    """The generated tokens' log-probabilities in either API's form; None unless each has a finite one."""
    if not isinstance(logprobs, dict):
        return None
    tokens, values = logprobs.get("content"), logprobs.get("token_logprobs")
    if isinstance(tokens, list):
        values = [token.get("logprob") if isinstance(token, dict) else None for token in tokens]
    if not isinstance(values, list) or not all(_is_finite(value) for value in values):
        return None
    return tuple(float(value) for value in values)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


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
