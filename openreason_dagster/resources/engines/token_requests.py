"""Between requests and token ids, for the engines that decode here: what a prompt leaves room for, what came of it."""

from collections.abc import Sequence

from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_tokenizer import ChatTokenizer
from openreason_dagster.resources.engines.continuous_batch import Job


def prepare(request: Request, tokenizer: ChatTokenizer, *, positions: int) -> Job | Failure:
    """The encoded request, its token limit cut to the room; a failure where the prompt leaves no room for an answer.

    Args:
        request: What is asked.
        tokenizer: The model's.
        positions: Tokens that prompt and completion may have together.

    Raises:
        EngineError: the chat template refuses the messages.
    """
    prompt = tokenizer.encode(request.messages)
    room = positions - len(prompt.ids)
    if room < 1:
        message = f"The prompt has {len(prompt.ids)} tokens; the model takes {positions} with its answer."
        return Failure(request=request, error="prompt_too_long", message=message, attempts=1)
    limit = min(request.parameters.max_tokens, room)
    return Job(request=request, ids=prompt.ids, opened_think=prompt.opened_think, limit=limit)


def completion(
    job: Job,
    tokens: Sequence[int],
    *,
    is_ended: bool,
    tokenizer: ChatTokenizer,
    token_logprobs: Sequence[float] | None = None,
) -> Completion:
    """The text of a finished request, up to its first stop string.

    Args:
        job: What was asked.
        tokens: What was generated, the end token included.
        is_ended: Whether the last token is an end token, which is no part of the text.
        tokenizer: The model's.
        token_logprobs: One for each of `tokens`, where they were asked for.
    """
    written = tokens[:-1] if is_ended else tokens
    cut = tokenizer.cut_at_stop(written, job.request.parameters.stop)
    text, count = cut or (tokenizer.decode(written), len(tokens))
    return Completion(
        request=job.request,
        text=text,
        reasoning=None,
        finish_reason="stop" if is_ended or cut else "length",
        opened_think=job.opened_think,
        prompt_tokens=len(job.ids),
        completion_tokens=count,
        attempts=1,
        token_logprobs=None if token_logprobs is None else tuple(token_logprobs[:count]),
    )
