import json
from pathlib import Path
from typing import Any

import pytest

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import FileBenchmark
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS
from openreason_dagster.domain.seeds.benchmarks import benchmark_prompts

DATA = Path(__file__).parents[2] / "data"


def benchmark(name: str, path: str, **columns: str) -> FileBenchmark:
    return FileBenchmark.model_validate({"name": name, "kind": "file", "path": path, "columns": columns})


def test_benchmarks_follow_the_recipe() -> None:
    rows = benchmark_prompts(
        [
            benchmark("math500", "math500/test.jsonl", prompt="problem", solution="solution", id="unique_id"),
            benchmark("gsm8k", "gsm8k/test.jsonl", prompt="question", solution="answer"),
            benchmark("cmath", "cmath_zh/test.jsonl", prompt="question"),
        ],
        DATA,
    )
    assert rows.schema == BENCHMARK_PROMPTS.schema
    assert rows["benchmark"].unique(maintain_order=True).to_list() == ["math500", "gsm8k", "cmath"]
    assert rows["benchmark_row_id"].to_list()[0] == "test/precalculus/807.json"
    assert rows["benchmark_row_id"].to_list()[20:] == [str(n) for n in range(20)] + [str(n) for n in range(10)]
    assert rows["solution"].null_count() == 10


def test_no_benchmarks_give_an_empty_table() -> None:
    assert benchmark_prompts([], DATA).schema == BENCHMARK_PROMPTS.schema


def test_options_are_part_of_the_question_where_they_can_be_read(tmp_path: Path) -> None:
    rows = [{"q": "Which?", "c": ["red", "green"]}, {"q": "Which else?", "c": ["red"]}]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts = benchmark_prompts([benchmark("b", "b.jsonl", prompt="q", choices="c")], tmp_path)["prompt"].to_list()
    assert prompts == ["Which?\n\nA. red\nB. green", "Which else?"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"q": " "}, "row 1: column 'q' holds no question", id="question-blank"),
        pytest.param({"q": "\ud800"}, "row 1: not valid Unicode", id="lone-surrogate"),
    ],
)
def test_a_row_without_a_question_is_refused(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    (tmp_path / "b.jsonl").write_text(json.dumps({"q": "What?"}) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(SourceError, match=message):
        benchmark_prompts([benchmark("b", "b.jsonl", prompt="q")], tmp_path)


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(SourceError, match=r"benchmark 'gsm8k': lacks `columns\.prompt: problem`"):
        benchmark_prompts([benchmark("gsm8k", "gsm8k/test.jsonl", prompt="problem")], DATA)
