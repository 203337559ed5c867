import polars as pl
import pytest

from openreason_dagster.domain.curation.duplicates import exact_duplicates


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["a", "b"], [], id="all-differ"),
        pytest.param(["a b", "c", " A\n b "], [(2, 0)], id="case-and-space"),
        pytest.param(["ｘ²", "x2"], [(1, 0)], id="unicode-compatibility-forms"),
        pytest.param(["Straße", "STRASSE"], [(1, 0)], id="case-folding"),
        pytest.param(["a", "a", "a"], [(1, 0), (2, 0)], id="all-point-to-the-first"),
        pytest.param(["What is 3-4?", "What is 3+4?"], [], id="signs-matter"),
    ],
)
def test_later_equal_texts_point_to_the_first(texts: list[str], expected: list[tuple[int, int]]) -> None:
    assert exact_duplicates(pl.DataFrame({"prompt": texts}, schema={"prompt": pl.String})).rows() == expected
