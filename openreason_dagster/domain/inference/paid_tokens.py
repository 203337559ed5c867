"""How many tokens a request can come to, and how many a completion is paid for."""

from openreason_dagster.domain.records import Completion, Request

_BYTES_PER_TOKEN = 1
"""A token stands for one byte of text at least, so that a prompt never has more tokens than bytes."""
_TEMPLATE_TOKENS = 64
"""More than a chat template adds to a prompt."""


def most_tokens(request: Request) -> tuple[int, int]:
    """More tokens than its prompt can have, and the most that may be generated for it."""
    size = sum(len(message.content.encode()) for message in request.messages)
    return size // _BYTES_PER_TOKEN + _TEMPLATE_TOKENS, request.parameters.max_tokens


def paid_tokens(completion: Completion) -> tuple[int, int]:
    """Prompt and generated tokens that count for a completion: those billed with it, or its own; none if imported.

    Where a server tells neither, the most that it can have counts: a budget is rather kept than passed over.
    """
    if completion.imported is not None:
        return 0, 0
    if completion.billed_tokens is not None:
        return completion.billed_tokens
    prompt, generated = most_tokens(completion.request)
    return (
        prompt if completion.prompt_tokens is None else completion.prompt_tokens,
        generated if completion.completion_tokens is None else completion.completion_tokens,
    )
