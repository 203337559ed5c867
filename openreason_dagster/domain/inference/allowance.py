"""A hard budget: what a run may still spend, reserved before a request is asked and settled when it is answered."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from openreason_dagster.domain.catalogue_entry import Price
from openreason_dagster.domain.inference.cost import Cost, cost_of
from openreason_dagster.domain.inference.paid_tokens import most_tokens, paid_tokens
from openreason_dagster.domain.recipe_budget import Limits
from openreason_dagster.domain.records import Completion, Failure, Request


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit of the budget and what was spent of it before this run."""

    name: str
    """Key in the recipe, e.g. `budget.model.tokens`."""
    kind: str
    """tokens, seconds or money."""
    amount: float
    spent: float


def limits_of(budget: Mapping[str, Limits], spent: Mapping[str, Cost]) -> list[Limit]:
    """All limits that are set, for each scope (`recipe`, `model`, `run`) with what was spent in it before."""
    found = []
    for scope, limits in budget.items():
        before = spent[scope]
        for kind, amount, used in (
            ("tokens", limits.tokens, float(before.completion_tokens)),
            ("seconds", limits.seconds, before.seconds),
            ("money", limits.money, before.money),
        ):
            if amount is not None:
                found.append(Limit(name=f"budget.{scope}.{kind}", kind=kind, amount=amount, spent=used))
    return found


class Allowance:
    """What a run may still spend.

    A request is let through only if every limit has room for the most it can cost: its `max_tokens`, and for money its
    prompt too. Limits on tokens are therefore never exceeded, and limits on money only by the price of the hours in
    which requests already in flight are answered. Near a limit fewer requests are in flight.

    Attributes:
        reached: Name of the limit that refused a request or ended the run; None while none has.
    """

    def __init__(self, limits: Iterable[Limit], price: Price, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = list(limits)
        self._price = price
        self._clock = clock
        self._started = clock()
        self._reserved: dict[str, Cost] = {}
        self._outstanding = Cost()
        self._spent = Cost()
        self.reached: str | None = None

    def within(self, requests: Iterable[Request | None]) -> Iterator[Request | None]:
        """The requests that there is room for; None where room may come, and the end where it cannot."""
        for request in requests:
            while request is not None and not self._admits(request):
                if not self._reserved:
                    return
                yield None
            if request is not None:
                self._reserved[request.trace_id] = most = self._cost(*most_tokens(request))
                self._outstanding += most
                self.reached = None
            yield request

    def settle(self, result: Completion | Failure) -> None:
        """Put what a result cost in place of what was reserved for it."""
        self._outstanding -= self._reserved.pop(result.request.trace_id)
        if isinstance(result, Completion):
            self._spent += self._cost(*paid_tokens(result))

    def settles_in_time(self, result: Completion | Failure) -> bool:
        """Settle a result; whether there is time left for more."""
        self.settle(result)
        return not self.is_time_over()

    def spent_money(self) -> float:
        """What this run has cost so far, without the requests in flight."""
        return self._spent.money + self._price_of_time()

    def is_time_over(self) -> bool:
        """Whether a limit on seconds is reached."""
        seconds = self._clock() - self._started
        for limit in self._limits:
            if limit.kind == "seconds" and limit.spent + seconds >= limit.amount:
                self.reached = limit.name
                return True
        return False

    def _admits(self, request: Request) -> bool:
        if self.is_time_over():
            return False
        used = self._spent + self._outstanding + self._cost(*most_tokens(request))
        wanted = {"tokens": used.completion_tokens, "money": used.money + self._price_of_time()}
        for limit in self._limits:
            if limit.kind in wanted and limit.spent + wanted[limit.kind] > limit.amount:
                self.reached = limit.name
                return False
        return True

    def _price_of_time(self) -> float:
        seconds = self._clock() - self._started
        return cost_of(self._price, prompt_tokens=0, completion_tokens=0, seconds=seconds).money

    def _cost(self, prompt_tokens: int, completion_tokens: int) -> Cost:
        return cost_of(self._price, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, seconds=0.0)
