"""A budget is never exceeded, and no more of it is left over than one request may need."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.catalogue_entry import Price
from openreason_dagster.domain.inference.allowance import Allowance, Limit, limits_of
from openreason_dagster.domain.inference.cost import Cost
from openreason_dagster.domain.recipe_budget import Limits
from openreason_dagster.domain.records import Completion, Failure, Message, Request, SamplingParameters

MAX_TOKENS = 10


class Clock:
    """Time that passes only when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def request_of(index, max_tokens=MAX_TOKENS):
    parameters = SamplingParameters(temperature=0.6, top_p=1.0, top_k=None, max_tokens=max_tokens)
    return Request(
        trace_id=str(index), prompt_id="p", prompt="q", messages=(Message(role="user", content="q"),),
        temperature_key="0.6", sample_index=index, seed=index, parameters=parameters,
    )  # fmt: skip


def completion_of(request, tokens):
    return Completion(
        request=request, text="", reasoning=None, finish_reason="stop", opened_think=False,
        prompt_tokens=2, completion_tokens=tokens, attempts=1,
    )  # fmt: skip


def tokens_limit(amount, spent=0.0):
    return Limit(name="budget.run.tokens", kind="tokens", amount=amount, spent=spent)


@given(st.integers(1, 300), st.lists(st.integers(0, MAX_TOKENS), min_size=60, max_size=60), st.integers(1, 8))
def test_tokens_are_never_exceeded_and_used_up(amount, lengths, places):
    allowance = Allowance([tokens_limit(amount)], Price())
    feed, held, used, asked = allowance.within(request_of(index) for index in range(60)), [], 0, 0
    while True:
        request = next(feed, "end") if len(held) < places else None
        if request == "end" and not held:
            break
        if isinstance(request, Request):
            held.append(request)
            asked += 1
            continue
        answered = held.pop(0)
        tokens = lengths[answered.sample_index]
        used += tokens
        allowance.settle(completion_of(answered, tokens))
    assert used <= amount
    assert asked == 60 or amount - used < MAX_TOKENS
    assert (allowance.reached is None) == (asked == 60)


@pytest.mark.parametrize(
    ("limit", "price", "asked"),
    [
        pytest.param(tokens_limit(40), Price(), 4, id="whole-requests-only"),
        pytest.param(tokens_limit(40, spent=25), Price(), 1, id="what-earlier-runs-spent-counts"),
        pytest.param(tokens_limit(9), Price(), 0, id="no-room-for-one"),
        pytest.param(
            Limit(name="budget.run.money", kind="money", amount=1.0, spent=0.0),
            Price(output_per_million=1e6 / 40),
            4,
            id="money-for-generated-tokens",
        ),
        pytest.param(
            Limit(name="budget.run.money", kind="money", amount=1.0, spent=0.0),
            Price(input_per_million=1e6 / 130),
            2,
            id="money-for-the-prompt-and-its-template",
        ),
    ],
)
def test_requests_that_are_let_through_at_once(limit, price, asked):
    allowance = Allowance([limit], price)
    pulled = [request for request, _ in zip(allowance.within(map(request_of, range(9))), range(9), strict=False)]
    assert len([request for request in pulled if request is not None]) == asked
    assert allowance.reached == limit.name


def test_samples_billed_together_count_as_their_sum():
    allowance = Allowance([tokens_limit(40)], Price())
    feed = allowance.within(map(request_of, range(9)))
    together = [next(feed) for _ in range(4)]
    assert next(feed) is None
    for request, bill in zip(together, [(2, 28), (0, 0), (0, 0), (0, 0)], strict=True):
        allowance.settle(dataclasses.replace(completion_of(request, None), billed_tokens=bill))
    assert next(feed).trace_id == "4"
    assert next(feed) is None, "28 and 10 leave no room for 10 more"


def test_unknown_lengths_count_as_the_longest():
    allowance = Allowance([tokens_limit(30)], Price())
    feed = allowance.within(map(request_of, range(9)))
    for _ in range(3):
        allowance.settle(completion_of(next(feed), None))
    assert next(feed, None) is None
    assert allowance.reached == "budget.run.tokens"


def test_failures_give_back_what_was_reserved():
    allowance = Allowance([tokens_limit(10)], Price())
    feed = allowance.within(map(request_of, range(2)))
    allowance.settle(Failure(request=next(feed), error="timeout", message="", attempts=3))
    assert isinstance(next(feed), Request)


def test_none_passes_through():
    allowance = Allowance([], Price())
    first = request_of(0)
    assert list(allowance.within([first, None])) == [first, None]


def test_seconds_end_a_run():
    clock = Clock()
    allowance = Allowance(
        [Limit(name="budget.recipe.seconds", kind="seconds", amount=10.0, spent=4.0)], Price(), clock=clock
    )
    feed = allowance.within(map(request_of, range(3)))
    first = next(feed)
    assert not allowance.is_time_over()
    clock.now = 6.0
    assert allowance.is_time_over()
    assert allowance.reached == "budget.recipe.seconds"
    assert next(feed) is None, "what is in flight may still be answered"
    allowance.settle(completion_of(first, 1))
    assert next(feed, "end") == "end"


def test_rented_hours_count_as_money():
    clock = Clock()
    limit = Limit(name="budget.run.money", kind="money", amount=2.0, spent=0.0)
    allowance = Allowance([limit], Price(per_hour=1.0), clock=clock)
    assert isinstance(next(allowance.within([request_of(0)])), Request)
    clock.now = 3 * 3600.0
    assert allowance.spent_money() == pytest.approx(3.0)
    assert next(allowance.within([request_of(1)]), None) is None


def test_limits_of_every_scope():
    budget = {"recipe": Limits(tokens=5, money=1.5), "model": Limits(), "run": Limits(seconds=3)}
    spent = {"recipe": Cost(completion_tokens=2, money=0.5), "model": Cost(), "run": Cost()}
    assert [(limit.name, limit.amount, limit.spent) for limit in limits_of(budget, spent)] == [
        ("budget.recipe.tokens", 5, 2.0),
        ("budget.recipe.money", 1.5, 0.5),
        ("budget.run.seconds", 3, 0.0),
    ]
