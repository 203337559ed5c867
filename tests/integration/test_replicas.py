import pytest
from endpoint import model_of

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.patience import Patience
from openreason_dagster.resources.engines.replicas import Replicas

PATIENCE = Patience(
    backoff_seconds=1.0, longest_wait_seconds=8.0, losses_in_a_row=2, gone_seconds=100.0, refused_seconds=50.0
)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def replicas_of(clock, count, **changes):
    model = model_of([f"http://host{index}/v1" for index in range(count)], **changes)
    return Replicas(model, PATIENCE, clock)


def lose(replicas, replica, times):
    for _ in range(times):
        replicas.lost(replica)


def test_the_least_loaded_comes_first(clock):
    replicas = replicas_of(clock, 3, concurrency=9)
    first, second, third = replicas
    assert [replicas.take() for _ in range(6)] == [first, second, third] * 2
    for _ in range(2):
        replicas.release(third)
    assert [replicas.take() for _ in range(3)] == [third, third, first]


def test_no_more_places_than_the_models_concurrency(clock):
    replicas = replicas_of(clock, 2, concurrency=3)
    assert None not in [replicas.take() for _ in range(3)]
    assert replicas.take() is None


def test_the_one_lost_last_is_avoided_where_possible(clock):
    replicas = replicas_of(clock, 2, concurrency=3)
    first, second = replicas
    assert [replicas.take(first), replicas.take(first)] == [second, second]
    assert replicas_of(clock, 1).take(first) is not None


def test_a_sick_replica_is_set_aside_and_probed_with_growing_pauses(clock):
    replicas = replicas_of(clock, 2, concurrency=8)
    first = next(iter(replicas))
    lose(replicas, first, 2)
    found = []
    for _ in range(60):
        clock.now += 0.5
        if (replica := replicas.take()) is first:
            found.append(clock.now)
            replicas.lost(first)
        replicas.release(replica)
    assert found == [1.0, 3.0, 7.0, 15.0, 23.0]


def test_one_request_probes_and_a_reply_makes_well(clock):
    replicas = replicas_of(clock, 2, concurrency=8)
    first, second = replicas
    lose(replicas, first, 2)
    clock.now = 1.0
    assert [replicas.take() for _ in range(4)] == [first, second, second, second]
    replicas.answered(first)
    assert replicas.take() is first
    lose(replicas, first, 1)
    assert first.sick_since is None


def test_losses_with_a_reply_between_them_are_no_sickness(clock):
    replicas = replicas_of(clock, 1)
    (only,) = replicas
    for _ in range(10):
        replicas.lost(only)
        replicas.answered(only)
    assert replicas.take() is only


def test_many_losses_at_once_are_one_pause(clock):
    replicas = replicas_of(clock, 1)
    (only,) = replicas
    lose(replicas, only, 30)
    clock.now = 1.0
    assert replicas.take() is only


def test_all_gone(clock):
    replicas = replicas_of(clock, 2)
    for replica in replicas:
        lose(replicas, replica, 2)
    clock.now = 99.0
    replicas.check()
    clock.now = 100.0
    with pytest.raises(EngineError, match="no reply from http://host0/v1, http://host1/v1 for 100 seconds"):
        replicas.check()


@pytest.mark.parametrize("rescue", ["probe", "reply", "healthy"])
def test_not_all_gone(clock, rescue):
    replicas = replicas_of(clock, 2)
    first, second = replicas
    lose(replicas, first, 2)
    if rescue != "healthy":
        lose(replicas, second, 2)
    clock.now = 200.0
    if rescue == "probe":
        replicas.take()
    if rescue == "reply":
        replicas.answered(second)
    replicas.check()


def test_a_refusal_pauses_the_replica_and_halves_its_load(clock):
    replicas = replicas_of(clock, 2, concurrency=8)
    first, second = replicas
    clock.now = 1.0
    replicas.refused(first, 0.5, pause_seconds=5.0)
    assert replicas.take() is second
    clock.now = 6.0
    assert replicas.take() is first
    assert first.concurrency.limit == 4
    assert second.concurrency.limit == 8


def test_refused_for_too_long(clock):
    replicas = replicas_of(clock, 1)
    (only,) = replicas
    for moment in (0.0, 30.0, 49.0):
        clock.now = moment
        replicas.refused(only, moment, pause_seconds=0.0)
    clock.now = 50.0
    with pytest.raises(EngineError, match="refused every request with HTTP 429 or 503 for 50 seconds"):
        replicas.refused(only, 50.0, pause_seconds=0.0)


@pytest.mark.parametrize("progress", ["answered", "other-is-working", "nobody-was-asked"])
def test_not_refused_for_too_long(clock, progress):
    replicas = replicas_of(clock, 2)
    first, second = replicas
    replicas.refused(first, 0.0, pause_seconds=0.0)
    if progress == "answered":
        replicas.refused(second, 0.0, pause_seconds=0.0)
        replicas.answered(first)
    clock.now = 1000.0
    if progress != "nobody-was-asked":
        replicas.refused(first, 1000.0, pause_seconds=0.0)
    replicas.check()


def test_a_sick_replica_is_no_hope_where_the_other_refuses(clock):
    replicas = replicas_of(clock, 2)
    first, second = replicas
    lose(replicas, second, 2)
    replicas.refused(first, 0.0, pause_seconds=0.0)
    clock.now = 50.0
    with pytest.raises(EngineError, match="refused every request"):
        replicas.refused(first, 50.0, pause_seconds=0.0)
