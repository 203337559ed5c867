import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.verification.code_comparison import is_same_text, is_same_tokens, is_same_value
from openreason_dagster.domain.verification.in_sandbox.value_graph import decode, encode

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.integers())
    ),
    max_leaves=12,
)


@given(VALUES)
def test_value_survives_the_way_out_of_the_sandbox(value):
    nodes = json.loads(json.dumps(encode(value)))
    found = decode(nodes, {})
    assert found == value
    assert repr(type(found)) == repr(type(value))
    assert is_same_value(value, nodes, as_json=False, tolerance=None)


@given(VALUES, VALUES)
def test_other_values_are_not_the_same(expected, value):
    assert is_same_value(expected, encode(value), as_json=False, tolerance=None) == (expected == value)


def test_few_nodes_that_stand_for_a_huge_value_are_not_written_out():
    shared = [["tuple", [number + 1] * 50] for number in range(1, 12)]
    assert not is_same_value(1, [["set", [1]], *shared, ["none"]], as_json=False, tolerance=None)
    cycle = [["list", [0, 0]]]
    assert not is_same_value([1], cycle, as_json=False, tolerance=None)


NODES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["list", "int"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(NODES, st.booleans())
def test_malformed_nodes_are_never_the_value_and_never_an_exception(nodes, as_json):
    assert not is_same_value("expected", nodes, as_json=as_json, tolerance=None) or nodes[0] == ["str", "expected"]


@pytest.mark.parametrize(
    ("expected", "found", "is_same"),
    [
        pytest.param([1, 2], (1, 2), True, id="tuple_is_list"),
        pytest.param([1, [2]], (1, (2,)), True, id="tuple_within"),
        pytest.param([1], {1}, False, id="set_is_no_list"),
        pytest.param(1, 1.0, True, id="whole_float"),
        pytest.param(1, True, False, id="true_is_not_one"),
        pytest.param(False, 0, False, id="zero_is_not_false"),
        pytest.param(None, False, False, id="false_is_not_null"),
        pytest.param("1", 1, False, id="number_is_no_text"),
        pytest.param({"1": 2}, {1: 2}, True, id="keys_are_texts"),
        pytest.param({"1": 2}, {1: 2, "1": 2}, False, id="keys_that_become_equal"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, False, id="more_keys"),
        pytest.param([1], [1, 1], False, id="more_items"),
        pytest.param(0.5, math.nan, False, id="not_a_number"),
        pytest.param(1e308, 10**400, False, id="number_beyond_floats"),
    ],
)
def test_json_values(expected, found, is_same):
    assert is_same_value(expected, encode(found), as_json=True, tolerance=None) is is_same


@pytest.mark.parametrize(
    ("expected", "found", "is_same"),
    [
        pytest.param(0.3, 0.1 + 0.2, True, id="rounding"),
        pytest.param([1.0], [1.1], False, id="too_far"),
        pytest.param(1_000_000_000.0, 1_000_000_100.0, True, id="relative"),
        pytest.param(0.0, 5e-7, True, id="absolute"),
        pytest.param(0.0, math.inf, False, id="infinite"),
        pytest.param(1e308, 10**400, False, id="number_beyond_floats"),
    ],
)
def test_json_numbers_within_a_tolerance(expected, found, is_same):
    assert is_same_value(expected, encode(found), as_json=True, tolerance=1e-6) is is_same


def test_cycles_and_shared_parts_end():
    cycle: list[object] = []
    cycle.append(cycle)
    shared: list[object] = [1]
    for _ in range(60):
        shared = [shared, shared]
    assert not is_same_value([1], encode(cycle), as_json=True, tolerance=None)
    assert not is_same_value([[1]], encode(cycle), as_json=False, tolerance=None)
    assert not is_same_value([[1], [2]], encode(shared), as_json=False, tolerance=None)


def test_objects_are_no_plain_values():
    class Equal:
        def __init__(self):
            self.value = 3

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 3

    for value in (Equal(), Equal, object(), len, (n for n in [3]), range(3)):
        assert not is_same_value(3, encode(value), as_json=False, tolerance=None)
        assert not is_same_value([0, 1, 2], encode(value), as_json=True, tolerance=None)


@pytest.mark.parametrize(
    ("expected", "found", "whole", "tokens"),
    [
        pytest.param("1 2\n", "1 2", True, True, id="last_line_end"),
        pytest.param("1 2\n3\n", "1 2  \n3\n\n\n", True, True, id="white_space_at_ends"),
        pytest.param("1 2\n3", "1 2 3", False, True, id="lines_joined"),
        pytest.param("1 2", "1  2", False, True, id="spaces_within"),
        pytest.param(" 1", "1", False, True, id="indent"),
        pytest.param("1", "1 1", False, False, id="more"),
        pytest.param("1 1", "1", False, False, id="less"),
        pytest.param("YES", "yes", False, False, id="letter_case"),
        pytest.param("1.0", "1", False, False, id="number_written_otherwise"),
        pytest.param("", "", True, True, id="nothing"),
        pytest.param("1\r\n2\r\n", "1\n2\n", True, True, id="line_ends_of_windows"),
    ],
)
def test_texts(expected, found, whole, tokens):
    assert is_same_text(expected, found) is whole
    assert is_same_tokens(expected, found) is tokens


@pytest.mark.parametrize(
    ("expected", "found", "is_same"),
    [
        pytest.param("0.333333", "0.3333334 ", True, id="near"),
        pytest.param("case 1: 2.50", "case 1: 2.5", True, id="words_beside_numbers"),
        pytest.param("0.3", "0.4", False, id="far"),
        pytest.param("1.5", "nan", False, id="not_a_number"),
        pytest.param("nan", "nan", True, id="same_text"),
        pytest.param("1e300", "inf", False, id="infinite"),
        pytest.param("yes", "1.0", False, id="number_for_a_word"),
        pytest.param("1 2", "1", False, id="one_missing"),
        pytest.param("10", "1_0", False, id="underscore"),
    ],
)
def test_tokens_within_a_tolerance(expected, found, is_same):
    assert is_same_tokens(expected, found, tolerance=1e-6) is is_same
