"""Every format lies in files of its own, which `datasets` finds and which are compared with the tables."""

import json
from dataclasses import asdict

import polars as pl
import pytest
import yaml

from openreason_dagster.domain.errors import RecipeError, ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.configurations import (
    configuration_differences,
    data_files,
    policy_question,
    write_configurations,
)

FORMATS = ("rl_prompts", "rl_prompts_jsonl", "preference")
TABLES = {
    "rl_prompts": pl.LazyFrame({"prompt_id": ["a", "b", "c"], "split": ["train", "train", "validation"]}),
    "preference_pairs": pl.LazyFrame({"pair_id": [], "split": []}, schema={"pair_id": pl.String, "split": pl.String}),
    "sft_mix": pl.LazyFrame({"trace_id": ["t"], "split": ["train"]}),
}


def rows(layout, split):
    yield TABLES[layout.table].filter(split=split).drop("split").collect()


@pytest.fixture
def folder(tmp_path):
    files = write_configurations(tmp_path, FORMATS, rows=rows, per_file=1)
    manifest = {"configurations": [asdict(file) for file in files]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': data_files(files)})}---\n")
    return tmp_path


def test_files_are_named_by_format_split_and_number(folder):
    found = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))
    numbers = ["train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"]
    assert found == [
        *(f"rl_prompts/{number}.parquet" for number in numbers),
        *(f"rl_prompts_jsonl/{number}.jsonl" for number in numbers),
    ], "a format without rows has no file"


def test_header_lists_what_has_rows_and_can_be_loaded_by_name(folder):
    header = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert header["configs"] == [
        {
            "config_name": "rl_prompts",
            "data_files": [
                {"split": "train", "path": "rl_prompts/train-*.parquet"},
                {"split": "validation", "path": "rl_prompts/validation-*.parquet"},
            ],
        }
    ]


def test_a_format_that_is_listed_twice_is_written_once(tmp_path):
    files = write_configurations(tmp_path, ("rl_prompts", "rl_prompts"), rows=rows, per_file=9)
    assert [file.rows for file in files] == [2, 1]


def test_files_that_hold_the_tables_have_no_differences(folder):
    assert configuration_differences(folder, FORMATS, TABLES) == []


@pytest.mark.parametrize(
    ("formats", "table", "fragment"),
    [
        pytest.param(FORMATS, ["a", "b"], "rl_prompts_jsonl: 0 rows of rl_prompts are missing, 1 rows", id="unknown"),
        pytest.param(FORMATS, ["a", "b", "c", "d"], "rl_prompts: 1 rows of rl_prompts are missing", id="row-missing"),
        pytest.param((*FORMATS, "sharegpt"), None, "sharegpt: 1 rows of sft_mix are missing", id="format-missing"),
    ],
)  # fmt: skip
def test_rows_that_differ_from_their_table_are_found(folder, formats, table, fragment):
    splits = ["train", "train", "validation", "train"]
    changed = {} if table is None else {"rl_prompts": pl.LazyFrame({"prompt_id": table, "split": splits[: len(table)]})}
    assert fragment in " ".join(configuration_differences(folder, formats, TABLES | changed))


def test_a_prompt_in_the_other_split_is_found(folder):
    moved = {"rl_prompts": TABLES["rl_prompts"].with_columns(split=pl.lit("train"))}
    assert "1 rows of rl_prompts are missing" in configuration_differences(folder, FORMATS, TABLES | moved)[0]


def test_changed_and_missing_files_are_found(folder):
    path = folder / "rl_prompts_jsonl" / "validation-00000-of-00001.jsonl"
    path.write_text('{"prompt_id": "c "}\n')
    assert configuration_differences(folder, FORMATS, TABLES) == [
        "rl_prompts_jsonl/validation-00000-of-00001.jsonl is missing or has not the manifest's hash"
    ]
    path.unlink()
    assert len(configuration_differences(folder, FORMATS, TABLES)) == 1


def test_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(ReleaseError, match="Materialise `release` again"):
        configuration_differences(tmp_path, FORMATS, TABLES)


def recipe(**rules):
    source = {"name": "s", "kind": "procedural", "task": "starter/addition", "count": 1, "seed": 1, "license": "MIT"}
    sampling = {"samples_per_prompt": 1, "max_tokens": 9, "system_prompt": "Be short.", "template": "boxed"}
    return Recipe(
        name="r", title="R", seed=1, sources=[source], models=["*"], temperatures=[1.0], sampling=sampling,
        release={"license": "MIT"}, rl_prompts=rules,
    )  # fmt: skip


def test_policy_is_asked_as_the_recipe_samples_unless_it_says_otherwise(tmp_path):
    system, user = policy_question(recipe(), tmp_path).messages
    assert system.content == "Be short."
    assert "boxed" in user.content
    (tmp_path / "mine.txt").write_text("Q: {prompt}\n")
    system, user = policy_question(recipe(template="mine.txt", system_prompt="Think."), tmp_path).messages
    assert (system.content, user.content) == ("Think.", "Q: {prompt}")


def test_missing_template_names_the_key_of_rl_prompts(tmp_path):
    with pytest.raises(RecipeError, match=r"rl_prompts\.template"):
        policy_question(recipe(template="none.txt"), tmp_path)
