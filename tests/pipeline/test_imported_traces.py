"""Traces that others sampled go the whole way, from the file to the training mix, without a model."""

import gzip
import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from command_line import invoke
from small_workspace import SmallWorkspace, workspace_with_starter

DATA = Path(__file__).parents[1] / "data"
ROLLOUTS = DATA / "rg_math_rollouts" / "llama3b_step400_amc23.jsonl.gz"
SCORED = DATA / "reasoning_gym_scored" / "llama-3.3-70b_easy.jsonl.gz"
NUMBER_TASKS = {"chain_sum", "gcd", "lcm"}
"""Tasks of the scored set whose answer is one number, so that right and wrong are what the verifier `math` says."""


def read_rows(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write_rows(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def import_traces(small: SmallWorkspace, path: Path, **recipe: object) -> None:
    """Recipe and catalogue for a file that is source of prompts and of traces."""
    (small.settings.catalogue / "starter-base.yaml").unlink()
    small.write_model(
        {
            "name": "rollouts",
            "engine": "dataset",
            "path": str(path),
            "revision": "5f09fecc",
            "license": "Apache-2.0",
            "columns": {
                "prompt": "question",
                "completions": "completions",
                "completion_text": "full_model_response",
            },
        }
    )
    source = {
        "name": "problems",
        "kind": "file",
        "path": str(path),
        "license": "Apache-2.0",
        "domain": "math",
        "verifier": "math",
        "columns": {"prompt": "question", "answer": "expected_answer"},
    }
    small.write_recipe(
        sources=[source],
        temperatures=["imported"],
        sampling={"samples_per_prompt": 6, "max_tokens": 1},
        sft_mix={"validation_share": 0.5},
        **recipe,
    )


def run_all(small: SmallWorkspace, instance) -> None:
    small.collect(instance)
    small.sample("rollouts", instance)
    small.run("build_datasets", instance)


def verdicts_with_scores(small: SmallWorkspace, rows: list[dict]) -> pl.DataFrame:
    """Our verdict beside the score the set came with, per trace."""
    scores = pl.DataFrame(
        [
            {"prompt": row["question"], "sample_index": index, "score": float(completion["score"])}
            for row in rows
            for index, completion in enumerate(row["completions"])
        ]
    )
    tables = small.tables
    return (
        tables.scan("sampled_traces")
        .join(tables.scan("prompt_pool"), on="prompt_id")
        .join(tables.scan("verified_traces"), on="trace_id")
        .select("prompt", "sample_index", "verdict", "is_correct")
        .collect()
        .join(scores, on=["prompt", "sample_index"])
    )


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory):
    """Imported, judged and mixed; read only."""
    small = workspace_with_starter(tmp_path_factory.mktemp("rollouts"))
    import_traces(small, ROLLOUTS)
    with dg.DagsterInstance.ephemeral() as instance:
        run_all(small, instance)
    return small


def test_rollouts_are_verified_scored_and_mixed_without_a_model(rollouts):
    tables = rollouts.tables
    rows = read_rows(ROLLOUTS)
    sampled = tables.scan("sampled_traces").collect()
    assert sampled.height == sum(len(row["completions"]) for row in rows)
    assert set(sampled["think_state"]) <= {"opened_by_model", "unclosed", "absent"}
    for unknown in ("seed", "sampling_temperature", "prompt_tokens", "completion_tokens"):
        assert sampled[unknown].null_count() == sampled.height, unknown
    assert json.loads(sampled["environment"][0])["engine"] == "dataset"

    judged = verdicts_with_scores(rollouts, rows)
    assert judged.height == sampled.height
    agreed = judged.filter(pl.col("is_correct").fill_null(value=False) == (pl.col("score") >= 1))
    assert agreed.height / judged.height >= 0.95

    assert tables.scan("scored_traces").collect().height == sampled.height
    correct = set(tables.scan("verified_traces").filter(pl.col("verdict") == "correct").collect()["trace_id"])
    kept = set(tables.scan("reasoning_data").collect()["trace_id"])
    assert kept
    assert kept <= correct
    assert set(tables.scan("sft_mix").collect()["trace_id"]) == kept


def test_show_tells_where_an_imported_trace_stands(rollouts):
    trace_id = rollouts.tables.scan("sampled_traces").head(1).collect()["trace_id"].item()
    text = invoke(rollouts, "show", trace_id).stdout
    assert "imported record" in text
    assert "sampling record" in text
    assert "token_logprobs" not in text


def test_importing_twice_adds_nothing(rollouts, instance, tmp_path):
    again = rollouts.copied_to(tmp_path / "again")
    again.sample("rollouts", instance)
    assert again.tables.version("sampled_traces") == rollouts.tables.version("sampled_traces")


def test_answers_to_number_tasks_get_the_verdict_of_the_scores(small, instance, tmp_path):
    rows = [row for row in read_rows(SCORED) if row["task"] in NUMBER_TASKS]
    for row in rows:  # without a model answer the score says that no tag was found, not that the answer is wrong
        row["completions"] = [each for each in row["completions"] if each["model_answer"] is not None]
    import_traces(small, write_rows(tmp_path / "scored.jsonl", rows))
    small.collect(instance)
    small.sample("rollouts", instance)
    judged = verdicts_with_scores(small, rows)
    assert judged.height == sum(len(row["completions"]) for row in rows)
    assert judged["is_correct"].to_list() == [score == 1 for score in judged["score"]]
    assert set(judged["is_correct"]) == {True, False}
    rewards = small.tables.scan("scored_traces").collect()
    assert set(rewards["reward_format"]) == {0.0}, "these completions have no think block"
