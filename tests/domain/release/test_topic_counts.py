import polars as pl
import pytest

from openreason_dagster.domain.release.topic_counts import topic_counts


def tables(*topics: str | None) -> dict[str, pl.LazyFrame]:
    """A pool with these topics; of the first prompt two rows are in the mix, beside a conversation taken over."""
    ids = [f"p{place}" for place in range(len(topics))]
    pool = pl.LazyFrame({"prompt_id": ids, "topic": topics}, schema={"prompt_id": pl.String, "topic": pl.String})
    return {"prompt_pool": pool, "sft_mix": pl.LazyFrame({"prompt_id": ["p0", "p0", "chat"]})}


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        pytest.param([], [], id="no-prompt"),
        pytest.param([None, None], [], id="no-topic"),
        pytest.param(["a", "b", "b"], [("b", 2, 0), ("a", 1, 2)], id="largest-first"),
        pytest.param([None, "b"], [("b", 1, 0), ("unknown", 1, 2)], id="unknown-last"),
        pytest.param(
            ["d", "c", "b", "b", "a", "a", "a", None],
            [("a", 3, 0), ("b", 2, 0), ("2 others", 2, 2), ("unknown", 1, 0)],
            id="others-as-one",
        ),
    ],
)
def test_topics_are_counted(topics: list[str | None], expected: list[tuple[str, int, int]]) -> None:
    found = topic_counts(tables(*topics), most=2)
    assert found.columns == ["topic", "prompts", "rows"]
    assert found.rows() == expected
