import json
from pathlib import Path

import polars as pl
import pytest

from openreason_dagster.domain.recipe_sources import FileSource
from openreason_dagster.domain.seeds.read_source import seed_prompts
from openreason_dagster.domain.verification.verify import audit_references
from openreason_dagster.domain.verification.workers import Workers

DATA = Path(__file__).parents[2] / "data"
COLUMNS = {"prompt": "prompt", "id": "key", "constraints": "instruction_id_list", "arguments": "kwargs"}
NAMES, ARGUMENTS = ["punctuation:no_comma", "detectable_format:title"], [{}, {"num_words": None}]


def source(path):
    return FileSource.model_validate({
        "kind": "file", "name": "constraints", "license": "Apache-2.0", "domain": "instruction",
        "verifier": "instruction", "path": path, "columns": COLUMNS,
    })  # fmt: skip


def read(folder, path):
    batches = list(seed_prompts(source(path), folder))
    return pl.concat([batch.prompts for batch in batches]), pl.concat([batch.dropped for batch in batches])


def write_jsonl(path, row):
    path.write_text(json.dumps(row))


def write_parquet(path, row):
    pl.DataFrame([row]).write_parquet(path)


def write_csv(path, row):
    texts = {key: json.dumps(value) if isinstance(value, list) else value for key, value in row.items()}
    pl.DataFrame([texts]).write_csv(path)


def test_published_prompts_pass_the_audit_but_for_contradictions():
    prompts, dropped = read(DATA, "ifeval/en_input_data.jsonl.gz")
    assert (prompts.height, dropped.height) == (541, 0)
    assert prompts["reference_answer"].is_null().all()
    with Workers(count=1, timeout_seconds=20, memory_megabytes=1024) as workers:
        audited = audit_references(prompts, workers)
    assert audited.filter(pl.col("verdict") != "correct").height == 4


@pytest.mark.parametrize(
    ("name", "write"),
    [("rows.jsonl", write_jsonl), ("rows.parquet", write_parquet), ("rows.csv", write_csv)],
    ids=["jsonl", "parquet", "csv"],
)
def test_specification_is_the_same_whatever_file_holds_it(tmp_path, name, write):
    write(tmp_path / name, {"key": 1, "prompt": "Write.", "instruction_id_list": NAMES, "kwargs": ARGUMENTS})
    [row] = read(tmp_path, name)[0].to_dicts()
    assert json.loads(row["verifier_spec"]) == {"instruction_id_list": NAMES, "kwargs": [{}, {}]}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"instruction_id_list": None, "kwargs": []}, id="null"),
        pytest.param({"instruction_id_list": NAMES}, id="missing"),
        pytest.param({"instruction_id_list": NAMES, "kwargs": "{no JSON"}, id="no JSON"),
        pytest.param({"instruction_id_list": NAMES, "kwargs": {"a": 1}}, id="no list"),
        pytest.param({"instruction_id_list": NAMES, "kwargs": [{"a": float("nan")}]}, id="no JSON form"),
    ],
)
def test_row_without_readable_constraints_is_set_aside(tmp_path, row):
    good = {"key": 1, "prompt": "Write.", "instruction_id_list": NAMES, "kwargs": ARGUMENTS}
    bad = {"key": 2, "prompt": "Write.", **row}
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    prompts, dropped = read(tmp_path, "rows.jsonl")
    assert prompts["source_row_id"].to_list() == ["1"]
    assert dropped["reason"].to_list() == ["bad_constraints"]
