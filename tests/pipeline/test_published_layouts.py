"""Every layout in which people publish traces goes from its file to verdicts, without a model."""

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from small_workspace import SmallWorkspace

LAYOUTS = Path(__file__).parents[1] / "data" / "imported_layouts"
QUESTIONS = {
    "name": "questions",
    "kind": "file",
    "path": str(LAYOUTS / "questions.jsonl"),
    "license": "Apache-2.0",
    "domain": "math",
    "verifier": "math",
    "columns": {"prompt": "question", "answer": "answer"},
}


def import_traces(small: SmallWorkspace, instance, entry: dict, source: dict = QUESTIONS) -> pl.DataFrame:
    """Sampled traces with their verdicts."""
    (small.settings.catalogue / "starter-base.yaml").unlink()
    small.write_model({"name": "theirs", "engine": "dataset", "revision": "1", "license": "Apache-2.0"} | entry)
    small.write_recipe(sources=[source], temperatures=["imported"], sampling={"samples_per_prompt": 6, "max_tokens": 1})
    small.collect(instance)
    small.sample("theirs", instance)
    tables = small.tables
    sampled = tables.scan("sampled_traces")
    return sampled.join(tables.scan("verified_traces").select("trace_id", "verdict"), on="trace_id").collect()


@pytest.mark.parametrize(
    ("name", "verdicts", "ends"),
    [
        pytest.param(
            "openr1_math",
            {"correct": 2, "incorrect": 1, "truncated": 1},
            {"stop": 2, "length": 1, None: 1},
            id="openr1_math",
        ),
        pytest.param(
            "mixture_of_thoughts",
            {"correct": 1, "incorrect": 1, "no_answer": 1},
            {None: 3},
            id="mixture_of_thoughts",
        ),
        pytest.param("open_thoughts", {"correct": 2, "no_answer": 1}, {None: 3}, id="open_thoughts"),
        pytest.param("s1k", {"correct": 1, "incorrect": 1}, {None: 2}, id="s1k"),
        pytest.param("s1k_1_1", {"correct": 3, "incorrect": 1}, {None: 4}, id="s1k_1_1"),
        pytest.param("messages", {"correct": 2, "incorrect": 1}, {None: 3}, id="messages"),
    ],
)
def test_layout_goes_from_file_to_verdicts(small, instance, name, verdicts, ends):
    path = LAYOUTS / f"{name}.jsonl"
    found = import_traces(small, instance, {"path": str(path), "layout": name.removesuffix("_1_1")})
    assert Counter(found["verdict"]) == verdicts
    assert Counter(found["finish_reason"]) == ends
    for unknown in ("seed", "sampling_temperature", "prompt_tokens", "completion_tokens"):
        assert found[unknown].null_count() == found.height, unknown
    records = [json.loads(text) for text in found["imported_record"]]
    places = {(record["row"], record["completion"]) for record in records}
    assert len(places) == found.height
    assert len(path.read_text(encoding="utf-8").splitlines()) > max(row for row, _ in places)


def test_a_repository_is_source_of_prompts_and_of_traces(small, instance):
    folder = small.folder / "set"
    folder.mkdir()
    pl.read_ndjson(LAYOUTS / "mixture_of_thoughts.jsonl").write_parquet(folder / "train.parquet")
    source = QUESTIONS | {
        "kind": "hub",
        "repository": "./set",
        "split": "train",
        "columns": {"prompt": "messages[user]", "answer": "messages[assistant]"},
        "answer_extraction": {"rule": "last_boxed"},
    }
    source.pop("path")
    entry = {"repository": "../set", "split": "train", "layout": "mixture_of_thoughts"}
    found = import_traces(small, instance, entry, source)
    assert set(found["verdict"]) == {"correct"}, "each reference was taken from the trace itself"
    assert found.height == 2
    stated = [json.loads(text)["stated"] for text in found["imported_record"]]
    assert {each["source"] for each in stated} == {"open-r1/OpenR1-Math-220k"}
