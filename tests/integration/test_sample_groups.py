import pytest
from endpoint import requests_of
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.resources.engines.sample_groups import SampleGroups


def groups_of(requests, most, count=1):
    groups = SampleGroups(RequestFeed(iter(requests)), most)
    taken = []
    while not groups.is_exhausted:
        taken += groups.take(count)
    return [[request.trace_id for request in group] for group in taken]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        pytest.param(1, [["0/0"], ["0/1"], ["0/2"], ["1/0"], ["1/1"], ["1/2"]], id="one"),
        pytest.param(2, [["0/0", "0/1"], ["0/2"], ["1/0", "1/1"], ["1/2"]], id="a-rest-is-a-group"),
        pytest.param(9, [["0/0", "0/1", "0/2"], ["1/0", "1/1", "1/2"]], id="a-group-ends-with-the-prompt"),
    ],
)
def test_neighbours_are_grouped(most, expected):
    assert groups_of(requests_of(2, samples=3), most) == expected


def test_other_parameters_are_another_group():
    cold, hot = requests_of(1), requests_of(1, temperature=1.0)
    assert groups_of(cold + hot, 9) == [["0/0"], ["0/0"]]


def test_a_group_does_not_wait_for_what_depends_on_results():
    first, second = requests_of(1, samples=2)
    assert groups_of([first, None, second], 9) == [["0/0"], ["0/1"]]


def test_what_was_pulled_ahead_is_not_held_back():
    """When all but the request pulled ahead are answered, the feed may still say that it waits for results."""
    first, second = requests_of(2)
    groups = SampleGroups(RequestFeed(iter([first, second, None, None])), 9)
    assert groups.take(1) == [[first]]
    assert groups.take(5) == [[second]]
    assert groups.take(5) == []


@given(st.lists(st.integers(1, 5), max_size=8), st.integers(1, 6), st.integers(1, 4))
def test_each_request_is_handed_out_once_and_in_order(samples, most, count):
    requests = [request for number in samples for request in requests_of(1, samples=number, max_tokens=number)]
    groups = groups_of(requests, most, count)
    assert [trace_id for group in groups for trace_id in group] == [request.trace_id for request in requests]
    assert all(1 <= len(group) <= most for group in groups)
