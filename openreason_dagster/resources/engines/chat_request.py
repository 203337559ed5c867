"""What is sent to an OpenAI-compatible server."""

from collections.abc import Sequence
from typing import Any

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.inference.paid_tokens import most_tokens
from openreason_dagster.domain.inference.reasoning import ends_inside_think
from openreason_dagster.domain.records import Request

PATH_BY_API = {"chat": "chat/completions", "completions": "completions"}


def request_body(requests: Sequence[Request], model: OpenAIModel) -> dict[str, Any]:
    """The JSON that asks for one sample per request; all have the same messages and parameters.

    The first request's seed is sent. `n` is left out for one sample, because some servers know no `n`.
    """
    first = requests[0]
    parameters = first.parameters
    body: dict[str, Any] = {"model": model.served_model}
    if model.api == "completions":
        body["prompt"] = prompt_text(first)
    else:
        body["messages"] = [{"role": message.role, "content": message.content} for message in first.messages]
    body |= {
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "max_tokens": parameters.max_tokens,
    }
    if parameters.top_k is not None:
        body["top_k"] = parameters.top_k
    if parameters.stop:
        body["stop"] = list(parameters.stop)
    if parameters.logprobs:
        body["logprobs"] = 1 if model.api == "completions" else True
    if model.sends_seed == "yes":
        body["seed"] = first.seed
    if len(requests) > 1:
        body["n"] = len(requests)
    return body


def prompt_text(request: Request) -> str:
    """The messages as one text, for models without a chat template: their contents with a blank line between them."""
    return "\n\n".join(message.content for message in request.messages)


def opens_think(request: Request, model: OpenAIModel) -> bool:
    """Whether the prompt that we wrote ends inside a think block; a chat template's prompt is out of sight."""
    return model.api == "completions" and ends_inside_think(prompt_text(request))


def most_tokens_together(requests: Sequence[Request]) -> int:
    """More tokens than the prompt and all samples together can have."""
    prompt, generated = most_tokens(requests[0])
    return prompt + len(requests) * generated
