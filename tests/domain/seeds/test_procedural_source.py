import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import ProceduralSource
from openreason_dagster.domain.seeds import procedural
from openreason_dagster.domain.seeds.read_source import seed_prompts
from openreason_dagster.domain.seeds.seed_batch import DroppedRow
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, split_of
from openreason_dagster.domain.seeds.task_process import repeatable_entries


def source(task: str, **changes: Any) -> ProceduralSource:
    values = {"kind": "procedural", "name": "made", "license": "Apache-2.0", "task": task, "count": 12, "seed": 7}
    return ProceduralSource.model_validate(values | changes)


def read(asked: ProceduralSource, batch_rows: int = 5) -> pl.DataFrame:
    return pl.concat([batch.prompts for batch in seed_prompts(asked, Path(), batch_rows=batch_rows)])


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_starter_problems_are_held_out_and_repeatable(family: str) -> None:
    prompts = read(source(f"starter/{family}"))
    assert prompts.height == 12
    assert {split_of(text) for text in prompts["prompt"]} == {"held_out"}
    assert prompts["prompt_id"].n_unique() == 12
    assert prompts["source_row_id"].to_list() == [str(number) for number in range(12)]
    assert prompts["solution"].null_count() == 0
    assert prompts.equals(read(source(f"starter/{family}"), batch_rows=100))
    assert prompts[:5].equals(read(source(f"starter/{family}", limit=5)))


def test_starter_choices_stand_in_the_specification() -> None:
    first = read(source("starter/logic")).row(0, named=True)
    assert first["verifier"] == "choice"
    assert first["reference_answer"] in json.loads(first["verifier_spec"])["choices"]


def test_reasoning_gym_rows_carry_what_the_scorer_needs() -> None:
    prompts = read(source("reasoning_gym/chain_sum", domain="math", options={"min_terms": 2, "max_terms": 3}))
    spec = json.loads(prompts["verifier_spec"][0])
    assert prompts.height == 12
    assert set(prompts["verifier"]) == {"procedural"}
    assert spec["task"] == "chain_sum"
    assert set(spec["entry"]) == {"metadata"}
    assert prompts.equals(
        read(source("reasoning_gym/chain_sum", domain="math", options={"min_terms": 2, "max_terms": 3}))
    )


@pytest.mark.parametrize("answer", [None, ""], ids=["null", "empty"])
def test_problem_without_an_answer_is_set_aside(answer: str | None) -> None:
    entry = {"question": "Which way out?", "answer": answer, "metadata": {}}
    row = procedural._reasoning_gym_row(source("reasoning_gym/maze", domain="logic"), "maze", row_id="3", entry=entry)
    assert isinstance(row, DroppedRow)
    assert (row.source_row_id, row.reason) == ("3", "no_reference")


def test_exact_numbers_of_metadata_are_kept_as_text() -> None:
    specs = read(source("reasoning_gym/gsm_symbolic", domain="math", count=40, seed=5))["verifier_spec"].to_list()
    assert any('"2/3"' in spec for spec in specs)


ANOTHER_PROCESS = """
from pathlib import Path
from openreason_dagster.domain.recipe_sources import ProceduralSource
from openreason_dagster.domain.seeds.read_source import seed_prompts
for task in ("knights_knaves", "list_functions"):
    source = ProceduralSource(
        kind="procedural", name="made", license="MIT", task=f"reasoning_gym/{task}", count=3, seed=7, domain="logic"
    )
    for batch in seed_prompts(source, Path()):
        print(batch.prompts.write_json())
"""


@pytest.mark.slow
def test_problems_are_the_same_in_another_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", ANOTHER_PROCESS], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert b"prompt_id" in outputs.pop()


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        pytest.param("starter/poetry", {}, "unknown starter family 'poetry'", id="unknown-family"),
        pytest.param("reasoning_gym/rush_hour", {}, "gives no answer to its problems", id="no-answer-to-its-problems"),
        pytest.param("reasoning_gym/word_ladder", {"words": 3}, "cannot be generated", id="unknown-option-elsewhere"),
        pytest.param("reasoning_gym/poetry", {}, "cannot be used", id="unknown-task"),
        pytest.param("reasoning_gym/chain_sum", {"terms": 3}, "cannot be generated with options", id="unknown-option"),
        pytest.param("reasoning_gym/chain_sum", {"min_terms": -1}, "cannot be generated", id="impossible-option"),
    ],
)
def test_what_cannot_be_generated_or_verified_is_refused(task: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(source(task, options=options, domain="logic"))


@pytest.mark.parametrize("task", ["graph_color", "rubiks_cube"])
def test_answer_that_the_package_keeps_in_the_metadata_is_the_reference(task: str) -> None:
    prompts = read(source(f"reasoning_gym/{task}", domain="logic", count=2))
    assert prompts.height == 2
    assert prompts["reference_answer"].str.len_chars().min() > 3


@pytest.mark.slow
@pytest.mark.parametrize("task", ["word_ladder", "ransom_note"])
def test_task_that_depends_on_more_than_the_seed_repeats_and_can_be_continued(task: str) -> None:
    first, longer = (list(repeatable_entries(task, count=count, seed=7, options={})) for count in (2, 3))
    assert longer[:2] == first
    assert {str(entry["answer"]) for entry in longer} != {""}


@pytest.mark.parametrize(
    ("task", "topic"),
    [
        pytest.param("starter/ordering", "ordering", id="starter"),
        pytest.param("reasoning_gym/chain_sum", "chain sum", id="reasoning-gym"),
    ],
)
def test_a_generated_problem_is_about_its_task(task: str, topic: str) -> None:
    assert read(source(task, domain="logic", count=2))["topic"].to_list() == [topic] * 2
