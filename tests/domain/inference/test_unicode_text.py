import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.inference.unicode_text import well_formed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\ud83d\ude00", "😀", id="pair-becomes-its-character"),
        pytest.param("\ud83dA", "\ufffdA", id="lone-high-keeps-its-neighbour"),
        pytest.param("A\ude00", "A\ufffd", id="lone-low"),
        pytest.param("A\ud83d", "A\ufffd", id="high-at-the-end"),
        pytest.param("\ufeffA", "\ufeffA", id="byte-order-mark-is-text"),
    ],
)
def test_surrogates(text, expected):
    assert well_formed(text) == expected


@given(st.text(st.characters(codec="utf-8")))
def test_well_formed_text_stays(text):
    assert well_formed(text) == text


@given(st.text(st.characters(categories=["Cs", "L", "N"])))
def test_result_has_a_utf8_form(text):
    well_formed(text).encode("utf-8")
