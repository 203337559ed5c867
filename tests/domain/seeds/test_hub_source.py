from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import HubSource
from openreason_dagster.domain.schemas import SEED_PROMPTS
from openreason_dagster.domain.seeds.read_source import seed_prompts

DATA = Path(__file__).parents[2] / "data"


def hub_source(**changes: Any) -> HubSource:
    values = {
        "kind": "hub",
        "name": "hub",
        "license": "MIT",
        "domain": "math",
        "verifier": "math",
        "repository": "./hub_gsm8k",
        "config": "main",
        "split": "train",
        "columns": {"prompt": "question", "answer": "answer", "solution": "answer"},
        "answer_extraction": {"rule": "after_marker", "marker": "####"},
    }
    return HubSource.model_validate(values | changes)


def read(source: HubSource, folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    batches = list(seed_prompts(source, folder))
    return pl.concat([batch.prompts for batch in batches]), pl.concat([batch.dropped for batch in batches])


def test_local_folder_reads_like_a_hub_repository() -> None:
    from_hub, dropped = read(hub_source(), DATA)
    rows = pl.read_ndjson(DATA / "gsm8k" / "train.jsonl")[:20]
    assert from_hub.schema == SEED_PROMPTS.schema
    assert from_hub["prompt"].to_list() == rows["question"].to_list()
    assert from_hub["reference_answer"].to_list() == [text.rpartition("#### ")[2] for text in rows["answer"]]
    assert from_hub["source_row_id"].to_list() == [str(number) for number in range(20)]
    assert dropped.is_empty()


@pytest.mark.parametrize(
    ("changes", "rows"),
    [({"split": "test"}, 5), ({"config": "small"}, 3), ({"limit": 7}, 7)],
    ids=["split", "config", "limit"],
)
def test_hub_config_split_and_limit(changes: dict[str, Any], rows: int) -> None:
    assert read(hub_source(**changes), DATA)[0].height == rows


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"split": "validation"}, "split 'validation'", id="missing-split"),
        pytest.param({"config": "other"}, "config 'other'", id="missing-config"),
        pytest.param({"repository": "./absent"}, "does not exist", id="missing-folder"),
        pytest.param(
            {"columns": {"prompt": "problem", "answer": "answer"}}, "found columns answer, question", id="wrong"
        ),
    ],
)
def test_hub_source_that_cannot_be_read_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(hub_source(**changes), DATA)


def test_corrupt_file_of_a_hub_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    with pytest.raises(SourceError, match="cannot be read"):
        read(hub_source(repository="./", config=None), tmp_path)
