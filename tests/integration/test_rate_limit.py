import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.resources.engines.rate_limit import SLOT_SECONDS, WINDOW_SECONDS, RateGate, RateLimit


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def wait_and_reserve(limit, clock, amount):
    """Reserve as soon as it is allowed; returns the reservation and the wait."""
    seconds = limit.wait_seconds(amount)
    clock.now += seconds
    assert limit.wait_seconds(amount) == 0.0
    return limit.reserve(amount), seconds


@pytest.mark.parametrize(
    ("amounts", "waits"),
    [
        pytest.param([10], [0], id="all-at-once"),
        pytest.param([10, 1], [0, 60], id="full"),
        pytest.param([4, 6, 4], [0, 0, 60], id="parts"),
        pytest.param([25, 1], [0, 60], id="more-than-the-limit-goes-alone"),
        pytest.param([1, 25, 1], [0, 60, 60], id="more-than-the-limit-waits-for-the-rest"),
    ],
)
def test_waits(amounts, waits):
    clock = Clock()
    limit = RateLimit(10, clock)
    assert [wait_and_reserve(limit, clock, amount)[1] for amount in amounts] == waits


def test_what_was_not_used_is_free_again():
    clock = Clock()
    limit = RateLimit(10, clock)
    reservation, _ = wait_and_reserve(limit, clock, 10)
    limit.settle(reservation, 3)
    assert limit.wait_seconds(7) == 0
    assert limit.wait_seconds(8) == WINDOW_SECONDS


def test_what_was_used_above_the_reservation_counts():
    clock = Clock()
    limit = RateLimit(10, clock)
    reservation, _ = wait_and_reserve(limit, clock, 1)
    limit.settle(reservation, 30)
    assert limit.wait_seconds(1) == WINDOW_SECONDS


def test_settling_what_is_long_past_changes_nothing():
    clock = Clock()
    limit = RateLimit(10, clock)
    reservation, _ = wait_and_reserve(limit, clock, 10)
    clock.now += 100
    wait_and_reserve(limit, clock, 10)
    limit.settle(reservation, 0)
    assert limit.wait_seconds(1) == WINDOW_SECONDS


steps = st.tuples(st.integers(0, 5_000).map(lambda step: step / 64), st.integers(1, 10), st.integers(0, 10))


@given(st.lists(steps, max_size=60))
def test_never_more_than_the_limit_in_any_window(schedule):
    """Each step: time that passes, the amount wanted, and the most of it that turns out to be used."""
    clock = Clock()
    limit = RateLimit(10, clock)
    history = []
    for passed, amount, used in schedule:
        clock.now += passed
        reservation, waited = wait_and_reserve(limit, clock, amount)
        assert waited <= WINDOW_SECONDS
        history.append([clock.now, amount])
        assert sum(counted for moment, counted in history if clock.now - moment < WINDOW_SECONDS) <= 10
        limit.settle(reservation, min(used, amount))
        history[-1][1] = min(used, amount)


@given(st.lists(st.integers(1, 3), min_size=20, max_size=60))
def test_the_limit_is_used(amounts):
    """A greedy caller gets at least the limit less one amount in every window and a slot."""
    clock = Clock()
    limit = RateLimit(10, clock)
    for amount in amounts:
        wait_and_reserve(limit, clock, amount)
    assert clock.now <= (sum(amounts) / 8) * (WINDOW_SECONDS + SLOT_SECONDS)


def test_memory_does_not_grow():
    clock = Clock()
    limit = RateLimit(10**9, clock)
    for _ in range(20_000):
        clock.now += 0.01
        limit.reserve(1)
        limit.wait_seconds(1)
    assert len(limit._slots) <= WINDOW_SECONDS / SLOT_SECONDS + 2


def test_first_come_first_served():
    """A large request in the queue is not overtaken by small ones behind it."""

    async def order():
        gate, served = RateGate(None, 100, clock=time.monotonic), []
        first = await gate.reserve(90)

        async def ask(name, tokens):
            await gate.reserve(tokens)
            served.append(name)

        tasks = [asyncio.create_task(ask("large", 50)), asyncio.create_task(ask("small", 5))]
        await asyncio.sleep(0.05)
        assert served == []
        gate.settle(first, 10)
        await asyncio.gather(*tasks)
        return served

    assert asyncio.run(order()) == ["large", "small"]


def test_no_limits():
    async def ask():
        gate = RateGate(None, None, clock=time.monotonic)
        gate.settle(await gate.reserve(10**12), 5)

    asyncio.run(ask())
