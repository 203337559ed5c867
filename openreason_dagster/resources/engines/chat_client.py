"""Samples asked of an OpenAI-compatible model until each is answered or given up."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import repeat

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.unicode_text import well_formed
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_reply import AttemptFailure, Reply, read_reply
from openreason_dagster.resources.engines.chat_request import (
    PATH_BY_API,
    most_tokens_together,
    opens_think,
    request_body,
)
from openreason_dagster.resources.engines.http_exchange import (
    ConnectionFailure,
    HttpExchange,
    HttpReply,
    failed_status,
)
from openreason_dagster.resources.engines.patience import Patience
from openreason_dagster.resources.engines.rate_limit import RateGate
from openreason_dagster.resources.engines.replicas import Replica, Replicas

REMEDIES = {
    HTTPStatus.UNAUTHORIZED: "The server wants another API key: set `api_key` in the catalogue file, best as ${NAME}.",
    HTTPStatus.FORBIDDEN: "The API key may not use this model: ask for access, or set another `api_key`.",
    HTTPStatus.NOT_FOUND: "Check that `base_url` ends in `/v1` and that the server has a model named `served_model`.",
}
MESSAGE_CHARACTERS = 500

Deliver = Callable[[Completion | Failure], None]


@dataclass
class _Tries:
    """How often a group of samples was asked for."""

    attempts: int = 0
    put_off: int = 0
    avoided: Replica | None = None
    """The replica that was lost last."""

    def count(self, failure: AttemptFailure) -> None:
        if failure.is_counted:
            self.attempts += 1
        else:
            self.put_off += 1


class ChatClient:
    """Asks the replicas of one model. It is made and used within one event loop.

    An attempt counts when the server had its chance: an error status, a reply that cannot be used, a connection that
    broke or timed out. A request is put off, without an attempt, when the server says it has too much to do (HTTP 429
    and 503) or nobody takes the connection: then it is asked again for as long as the model answers anything at all.
    """

    def __init__(self, model: OpenAIModel, patience: Patience) -> None:
        self._model = model
        self._patience = patience
        self._replicas = Replicas(model, patience, time.monotonic)
        self._http = HttpExchange(model, reply_bytes=patience.reply_bytes)
        self._rates = RateGate(model.requests_per_minute, model.tokens_per_minute, clock=time.monotonic)
        self._random = random.Random(model.name)  # noqa: S311 - spreads retries, hides nothing

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def greet(self) -> None:
        """Check that a replica answers at all and takes the key; those that do not answer are set aside.

        Raises:
            EngineError: none answers, or one refuses the key.
        """
        failures = await asyncio.gather(*map(self._greet, self._replicas))
        messages = [failure.message for failure in failures if failure is not None]
        if len(messages) == len(failures):
            addresses = ", ".join(replica.address for replica in self._replicas)
            raise EngineError(
                f"model {self._model.name!r}: no server answers at {addresses} ({self._shown(messages[0])}). "
                "Start the server, or correct `base_url` in the catalogue file."
            )

    async def answer(self, requests: Sequence[Request], deliver: Deliver) -> None:
        """Deliver one result for each request; they have the same messages and parameters.

        They are asked as samples of one HTTP request. Those it does not bring are asked again one by one, because
        there are servers that know no `n`.

        Raises:
            EngineError: the server refuses whatever we ask, or is gone.
        """
        missing = await self._answer_together(requests, _Tries(), deliver)
        try:
            async with asyncio.TaskGroup() as tasks:
                for request in missing:
                    tasks.create_task(self._answer_together([request], _Tries(attempts=1), deliver))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _answer_together(self, requests: Sequence[Request], tries: _Tries, deliver: Deliver) -> list[Request]:
        """Deliver what comes; returns the requests that are to be asked alone, which one that is alone never is."""
        while True:
            results = await self._attempt(requests, tries)
            failure = next((result for result in results if isinstance(result, AttemptFailure)), None)
            if failure is not None:
                tries.count(failure)
            again = []
            for request, result in zip(requests, results, strict=True):
                if isinstance(result, Completion):
                    deliver(result)
                elif self._is_given_up(result, tries, alone=len(requests) == 1):
                    deliver(self._failure(request, result, tries))
                else:
                    again.append(request)
            if failure is None or not again:
                return []
            await asyncio.sleep(self._wait_seconds(failure, tries))
            if len(requests) > 1 and failure.is_counted:
                return again

    async def _attempt(self, requests: Sequence[Request], tries: _Tries) -> list[Completion | AttemptFailure]:
        """One HTTP request: what each sample came to."""
        replica = await self._replicas.place(tries.avoided)
        try:
            reply = await self._exchange(replica, requests)
        except AttemptFailure as failure:
            if isinstance(failure, ConnectionFailure):
                tries.avoided = replica
            if len(requests) > 1:  # what is refused together may be accepted alone
                failure.is_final = False
            return [failure] * len(requests)
        finally:
            self._replicas.release(replica)
        return self._results(requests, reply, tries.attempts + 1)

    async def _exchange(self, replica: Replica, requests: Sequence[Request]) -> Reply:
        reservation = await self._rates.reserve(most_tokens_together(requests))
        sent_at = time.monotonic()
        path, body = PATH_BY_API[self._model.api], request_body(requests, self._model)
        try:
            reply = await self._http.post(replica.base_url, path, body)
        except ConnectionFailure:
            self._replicas.lost(replica)  # the tokens stay reserved: they may have been generated
            raise
        if reply.status != HTTPStatus.OK:
            self._rates.settle(reservation, 0)
            raise self._failed(replica, reply, sent_at)
        self._replicas.answered(replica)
        replica.concurrency.succeeded(sent_at)
        samples = read_reply(reply.body, self._model.api)
        if samples.tokens is not None:
            self._rates.settle(reservation, samples.tokens)
        return samples

    def _failed(self, replica: Replica, reply: HttpReply, sent_at: float) -> AttemptFailure | EngineError:
        if reply.status in REMEDIES:
            return self._refused(replica, reply.status)
        failure = failed_status(reply)
        if failure.is_counted:
            self._replicas.answered(replica)
        else:
            pause = min(failure.retry_after or 0.0, self._patience.longest_wait_seconds)
            self._replicas.refused(replica, sent_at, pause_seconds=pause)
        return failure

    def _results(self, requests: Sequence[Request], reply: Reply, attempts: int) -> list[Completion | AttemptFailure]:
        """Each request with its sample; samples that nobody asked for are passed over."""
        message = f"The reply has {len(reply.choices)} of {len(requests)} choices."
        missing = [AttemptFailure("missing_choices", message)] * (len(requests) - len(reply.choices))
        bills = _bills(reply, samples=len(requests))
        used_seed = self._model.sends_seed == "yes" and len(requests) == 1
        return [
            choice
            if isinstance(choice, AttemptFailure)
            else Completion(
                request=request,
                text=choice.text,
                reasoning=choice.reasoning,
                finish_reason=choice.finish_reason,
                opened_think=opens_think(request, self._model),
                prompt_tokens=reply.prompt_tokens,
                completion_tokens=reply.completion_tokens_of(choice),
                attempts=attempts,
                billed_tokens=next(bills, None),
                used_seed=used_seed,
                token_logprobs=choice.token_logprobs,
            )
            for request, choice in zip(requests, [*reply.choices, *missing], strict=False)
        ]

    async def _greet(self, replica: Replica) -> AttemptFailure | None:
        try:
            reply = await self._http.get(replica.base_url, "models")
        except AttemptFailure as failure:
            self._replicas.set_aside(replica)
            return failure
        if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise self._refused(replica, reply.status)
        return None

    def _refused(self, replica: Replica, status: int) -> EngineError:
        return EngineError(
            f"model {self._model.name!r}: {replica.address} answered HTTP {status} when asked for "
            f"{self._model.served_model!r}. {REMEDIES[HTTPStatus(status)]}"
        )

    def _is_given_up(self, failure: AttemptFailure, tries: _Tries, *, alone: bool) -> bool:
        if not failure.is_counted:
            return tries.put_off >= self._patience.uncounted_tries
        return failure.is_final or (alone and tries.attempts >= self._model.max_attempts)

    def _wait_seconds(self, failure: AttemptFailure, tries: _Tries) -> float:
        """Seconds before asking again: what the server asked for, or exponential back-off with jitter.

        Where the replica as a whole is left alone, the request need not wait by itself: another may take it.
        """
        asked = failure.retry_after
        if asked == 0 and tries.put_off > 1:
            asked = None  # it said "at once" before, and refused again
        if not failure.is_counted and (asked is not None or isinstance(failure, ConnectionFailure)):
            return 0.0
        doublings = max(tries.attempts + tries.put_off - 1, 0)
        backoff = self._patience.backoff_seconds * 2**doublings * self._random.uniform(0.5, 1.0)
        return min(backoff if asked is None else asked, self._patience.longest_wait_seconds)

    def _failure(self, request: Request, failure: AttemptFailure, tries: _Tries) -> Failure:
        message = self._shown(failure.message)
        return Failure(request=request, error=failure.error, message=message, attempts=max(tries.attempts, 1))

    def _shown(self, text: str) -> str:
        """Foreign text fit to be stored: without the API key, well-formed and short."""
        if self._model.api_key:
            text = text.replace(self._model.api_key.strip(), "[api key]")
        return well_formed(text)[:MESSAGE_CHARACTERS]


def _bills(reply: Reply, *, samples: int) -> Iterator[tuple[int, int]]:
    """What to bill each completion of samples asked together: the first all, the others nothing; none if unknown."""
    if samples > 1 and reply.prompt_tokens is not None and reply.completion_tokens is not None:
        yield reply.prompt_tokens, reply.completion_tokens
        yield from repeat((0, 0))
