"""The whole graph run for real in a small workspace: two models, a benchmark, and rows that are set aside."""

import json
from dataclasses import dataclass
from typing import get_args

import dagster as dg
from small_workspace import RECIPE, SmallWorkspace, starter_entry

from openreason_dagster.domain.recipe_formats import Format

MODELS = ("starter-base", "starter-small")
FILE_ROWS = [
    {"question": "What is 61 + 25?", "answer": "86"},
    {"question": "what is  61 + 25?", "answer": "86"},
    {"question": "What is 12 + 7 when nobody says so?", "answer": ""},
    {"question": "Ada has four red pens and nine blue pens in her bag. How many pens?", "answer": "13"},
]
BENCHMARK_ROWS = [{"question": "Ada has four red pens and nine blue pens in her bag. How many pens?"}]
"""A usable row, its duplicate, one without reference, and one that the benchmark holds as well."""
FINISHED = {
    "sources": [
        *RECIPE["sources"],
        {
            "name": "file",
            "kind": "file",
            "path": "prompts.jsonl",
            "license": "MIT",
            "domain": "math",
            "verifier": "math",
            "columns": {"prompt": "question", "answer": "answer"},
        },
    ],
    "benchmarks": [{"name": "pens", "kind": "file", "path": "pens.jsonl", "columns": {"prompt": "question"}}],
    "sft_mix": {"validation_share": 0.4, "rows": 12},
    "release": RECIPE["release"] | {"formats": list(get_args(Format))},
}


@dataclass(frozen=True)
class FinishedRun:
    """The workspace, and what Dagster said of each job."""

    workspace: SmallWorkspace
    results: tuple[dg.ExecuteInProcessResult, ...]


def finish(workspace: SmallWorkspace) -> FinishedRun:
    """Write recipe, files and catalogue, and run every job."""
    workspace.settings.catalogue.mkdir()
    write_rows(workspace, "prompts.jsonl", FILE_ROWS)
    write_rows(workspace, "pens.jsonl", BENCHMARK_ROWS)
    workspace.write_recipe(**FINISHED)
    workspace.write_model(starter_entry("starter-base"))
    workspace.write_model(starter_entry("starter-small", "starter-small"))
    with dg.DagsterInstance.ephemeral() as instance:
        return FinishedRun(workspace, run_every_job(workspace, instance))


def run_every_job(workspace: SmallWorkspace, instance: dg.DagsterInstance) -> tuple[dg.ExecuteInProcessResult, ...]:
    """All jobs in their order."""
    return (
        *workspace.collect(instance),
        *(workspace.sample(model, instance) for model in workspace.workspace.selected_models()),
        workspace.run("build_datasets", instance),
    )


def write_rows(workspace: SmallWorkspace, name: str, rows: list[dict[str, str]]) -> None:
    """A JSONL file beside the recipe."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (workspace.folder / name).write_text(text, encoding="utf-8")
