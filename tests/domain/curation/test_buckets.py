import polars as pl
import pytest

from openreason_dagster.domain.curation.buckets import LENGTH_NAMES, length_bucket, with_buckets, with_topic


@pytest.mark.parametrize(
    ("tokens", "bucket"),
    [
        pytest.param(0, "below 1k", id="none"),
        pytest.param(999, "below 1k", id="last-of-the-first"),
        pytest.param(1_000, "1k to 2k", id="first-of-the-second"),
        pytest.param(16_000, "from 16k", id="longest"),
        pytest.param(None, "unknown", id="unknown"),
    ],
)
def test_length_bucket(tokens: int | None, bucket: str) -> None:
    frame = pl.DataFrame({"completion_tokens": [tokens]}, schema={"completion_tokens": pl.Int64})
    assert frame.select(length_bucket()).item() == bucket
    assert bucket in (*LENGTH_NAMES, "unknown")


def test_difficulty_is_that_of_the_prompt_over_all_models() -> None:
    rows = with_buckets(
        pl.LazyFrame({"trace_id": ["t", "u"], "prompt_id": ["p", "q"], "completion_tokens": [5_000, 5]}),
        pl.LazyFrame({"prompt_id": ["p", "p"], "correct": [4, 0], "judged": [4, 12]}),
    )
    assert rows.select("trace_id", "difficulty", "length").collect().rows() == [
        ("t", "hard", "4k to 8k"),
        ("u", "unknown", "below 1k"),
    ]


def test_the_source_stands_for_a_topic_that_is_not_known() -> None:
    rows = pl.LazyFrame({"prompt_id": ["p", "q", "chat"], "source": ["s", "s", "talk"]})
    pool = pl.LazyFrame({"prompt_id": ["q", "p"], "topic": [None, "algebra"]})
    assert with_topic(rows, pool).collect()["topic"].to_list() == ["algebra", "s", "talk"]
