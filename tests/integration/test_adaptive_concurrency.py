import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.resources.engines.adaptive_concurrency import AdaptiveConcurrency


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("most", "events", "limits"),
    [
        pytest.param(8, "", [], id="starts-at-most"),
        pytest.param(8, "ssssssssss", [8] * 10, id="never-above-most"),
        pytest.param(8, "rrrrr", [4, 2, 1, 1, 1], id="never-below-one"),
        pytest.param(8, "rsssss", [4, 4, 4, 4, 5, 5], id="a-window-of-successes-adds-one"),
        pytest.param(8, "rsssrssss", [4, 4, 4, 4, 2, 2, 3, 3, 3], id="a-refusal-starts-the-window-again"),
        pytest.param(1, "rs", [1, 1], id="one-stays-one"),
    ],
)
def test_each_request_alone(most, events, limits):
    clock, found = Clock(), []
    concurrency = AdaptiveConcurrency(most, clock)
    for event in events:
        clock.now += 1
        sent_at = clock.now
        clock.now += 1
        {"s": concurrency.succeeded, "r": concurrency.refused}[event](sent_at)
        found.append(concurrency.limit)
    assert found == limits


def test_requests_sent_before_a_halving_do_not_count():
    clock = Clock()
    concurrency = AdaptiveConcurrency(64, clock)
    clock.now = 2.0
    for _ in range(50):
        concurrency.refused(1.0)
    assert concurrency.limit == 32
    for _ in range(500):
        concurrency.succeeded(2.0)
    assert concurrency.limit == 32


@given(st.integers(1, 50), st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3))))
def test_bounds_and_steps(most, events):
    """Each event: whether it is a refusal, time since the last event, and how long ago the request was sent."""
    clock = Clock()
    concurrency = AdaptiveConcurrency(most, clock)
    halved_at, successes = -1.0, 0
    for is_refusal, passed, ago in events:
        clock.now += passed
        sent_at, before = max(clock.now - ago, 0.0), concurrency.limit
        (concurrency.refused if is_refusal else concurrency.succeeded)(sent_at)
        assert 1 <= concurrency.limit <= most
        if concurrency.limit < before or (is_refusal and sent_at > halved_at):
            assert sent_at > halved_at
            assert concurrency.limit == max(before // 2, 1)
            halved_at, successes = clock.now, 0
        successes += not is_refusal and sent_at > halved_at
        if concurrency.limit > before:
            assert concurrency.limit == before + 1
            assert successes >= before
            successes = 0
