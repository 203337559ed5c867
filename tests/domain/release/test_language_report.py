"""What is said of languages equals what was counted."""

import polars as pl
import pytest
from example_tables import small_run

from openreason_dagster.domain.release.language_report import language_consistency
from openreason_dagster.domain.release.report import render_report
from openreason_dagster.domain.release.report_data import collect_report_data
from openreason_dagster.domain.schemas import TABLES

KEYS = {"model": "large", "temperature": "0.3", "reward_format": 1.0}


def scored(prompt: str, consistency: float | None, dominant: str | None, words: int, **changes: object) -> pl.DataFrame:
    row = KEYS | {"prompt_id": prompt, "trace_id": f"{prompt}{consistency}{dominant}{words}"}
    found = {"reward_language_consistency": consistency, "dominant_language": dominant, "reasoning_words": words}
    return TABLES["scored_traces"].frame([row | found | changes])


def report(*rows: pl.DataFrame) -> list[dict[str, object]]:
    languages = pl.LazyFrame({"prompt_id": ["e", "z"], "language": ["en", "zh"]})
    return language_consistency({"scored_traces": pl.concat(rows).lazy(), "prompt_pool": languages}).to_dicts()


def test_means_and_shares_are_per_language_of_the_prompt() -> None:
    rows = report(
        scored("e", 1.0, "en", 10),
        scored("e", 0.0, "zh", 30),
        scored("e", 0.5, "en", 20),
        scored("z", 0.25, "en", 8),
        scored("e", 1.0, "en", 5, temperature="1.2"),
    )
    group = {"model": "large", "temperature": "0.3"}
    assert rows == [
        {"language": "en", **group, "traces": 3, "words": 60, "mean_consistency": pytest.approx(0.5),
         "in_another_language": pytest.approx(1 / 3), "most_frequent_other": "zh"},
        {"language": "en", **group, "temperature": "1.2", "traces": 1, "words": 5, "mean_consistency": 1.0,
         "in_another_language": 0.0, "most_frequent_other": None},
        {"language": "zh", **group, "traces": 1, "words": 8, "mean_consistency": 0.25, "in_another_language": 1.0,
         "most_frequent_other": "en"},
    ]  # fmt: skip


def test_reasoning_without_words_is_no_other_language() -> None:
    (row,) = report(scored("e", None, None, 0), scored("e", 1.0, "en", 4))
    assert (row["traces"], row["mean_consistency"], row["in_another_language"]) == (2, 1.0, 0.0)
    (row,) = report(scored("e", None, None, 0))
    assert (row["mean_consistency"], row["in_another_language"], row["most_frequent_other"]) == (None, None, None)


def test_no_traces_have_no_rows() -> None:
    assert report(TABLES["scored_traces"].frame([])) == []


def test_page_shows_the_figure_and_its_numbers() -> None:
    page = render_report(collect_report_data(small_run(reasoning="这是五"), title="Sums", description=""))
    assert "Language consistency (OR5)" in page
    assert "<td>zh</td>" in page
    assert "most frequent other" in page
