"""Shards hold every row once, in order, and the same whoever makes them; what is missing is found."""

import random
import shutil
from pathlib import Path

import polars as pl
import pytest
from pyarrow.parquet import ParquetFile

from openreason_dagster.domain.datasets.replaced_references import MAJORITY, with_judged_against
from openreason_dagster.domain.each_part import one_by_one
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.provenance import file_hash
from openreason_dagster.domain.records import Message
from openreason_dagster.domain.release.configurations import arranged_frames
from openreason_dagster.domain.release.export import SPLITS
from openreason_dagster.domain.release.layouts import LAYOUTS, Question
from openreason_dagster.domain.release.release_parts import ReleaseParts, write_in_parts
from openreason_dagster.domain.release.row_hashes import rows_hash
from openreason_dagster.domain.schemas import SFT_MIX

FORMATS = [name for name, layout in LAYOUTS.items() if layout.table == "sft_mix"]
QUESTION = Question(messages=[Message(role="user", content="{prompt}")], form="text")
ROWS = 61
ROWS_PER_FRAME = 4
REPLACED = pl.DataFrame({"prompt_id": ["p3", "p5"], "judged_against": [MAJORITY] * 2})


def mix(*, validation=0.3):
    chance = random.Random(1)
    texts = dict.fromkeys(("model", "temperature", "component", "domain", "language", "source", "license"), "x")

    def row(number):
        turns = ["What is it?", f"<think>\n{'so é ' * chance.randrange(500)}\n</think>\n\nIt is {number}."]
        messages = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), turns, strict=True)]
        return texts | {
            "trace_id": f"{chance.randrange(16**8):08x}-{number}", "prompt_id": f"p{number % 9}", "messages": messages,
            "split": "validation" if chance.random() < validation else "train", "reward_total": number / 3,
            "completion_tokens": None if number % 4 else number,
        }  # fmt: skip

    return SFT_MIX.frame(map(row, range(ROWS)))


@pytest.fixture(scope="module")
def rows():
    return mix()


def files_of(folder, rows):
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.parquet" for number in range(-(-rows.height // 9))]
    for path, part in zip(paths, rows.iter_slices(9), strict=True):
        part.write_parquet(path)
    return [str(path) for path in paths]


def parts_by_split(rows, per_shard):
    """The rows of each shard, as they should be."""
    for split in SPLITS:
        ordered = pl.concat(with_judged_against([rows.filter(split=split).drop("split").sort("trace_id")], REPLACED))
        yield split, list(ordered.iter_slices(per_shard)) if ordered.height else []


def plan_of(folder, per_shard):
    return ReleaseParts(
        building=folder / "parts", spreading=folder / "spreading", rows_per_shard=per_shard,
        rows_per_frame=ROWS_PER_FRAME, formats=FORMATS, question=QUESTION,
    )  # fmt: skip


def in_parts(folder, rows, per_shard, each=one_by_one):
    narrow = rows.select("trace_id", "split")
    files = files_of(folder, rows)
    return write_in_parts(plan_of(folder, per_shard), files, narrow, replaced=REPLACED, each=each)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "per_shard",
    [
        pytest.param(100, id="one-shard-each"),
        pytest.param(8, id="whole-frames"),
        pytest.param(10, id="last-frame-is-smaller"),
        pytest.param(3, id="smaller-than-a-frame"),
    ],
)
def test_each_shard_has_its_rows_in_order(tmp_path, rows, per_shard):
    shards, others = in_parts(tmp_path, rows, per_shard)
    building = tmp_path / "parts"
    expected = [
        (f"data/{split}-{number:05d}-of-{len(parts):05d}.parquet", split, part)
        for split, parts in parts_by_split(rows, per_shard)
        for number, part in enumerate(parts)
    ]
    assert len(expected) >= 2
    assert [(shard.path, shard.split, shard.rows) for shard in shards] == [
        (path, split, part.height) for path, split, part in expected
    ]
    for shard, (_, _, part) in zip(shards, expected, strict=True):
        path = building / shard.path
        assert pl.read_parquet(path).equals(part)
        assert (shard.bytes, shard.sha256) == (path.stat().st_size, file_hash(path))
        assert shard.rows_sha256 == rows_hash(path)
        assert row_groups(path) == [frame.height for frame in part.iter_slices(ROWS_PER_FRAME)]
    assert [file.path for file in others] == [
        path.replace("data", form, 1) for form in FORMATS for path, _, _ in expected
    ]
    for file in others:
        shard = pl.scan_parquet(building / "data" / Path(file.path).name)
        arranged = pl.concat(arranged_frames(shard, LAYOUTS[file.configuration], QUESTION))
        assert pl.read_parquet(building / file.path).equals(arranged)
        assert (file.rows, file.sha256) == (arranged.height, file_hash(building / file.path))
    assert not (tmp_path / "spreading").exists()


def row_groups(path):
    found = ParquetFile(path).metadata
    return [found.row_group(number).num_rows for number in range(found.num_row_groups)]


def test_files_made_before_a_column_was_added_have_none_in_it(tmp_path, rows):
    files = files_of(tmp_path, rows.drop("reward_total"))
    write_in_parts(plan_of(tmp_path, 100), files, rows.select("trace_id", "split"), replaced=REPLACED, each=one_by_one)
    written = pl.read_parquet(tmp_path / "parts" / "data" / "*.parquet")
    assert (written.height, written["reward_total"].null_count()) == (ROWS, ROWS)


@pytest.mark.parametrize("validation", [0.0, 1.0], ids=["train", "validation"])
def test_a_split_without_rows_has_no_file(tmp_path, validation):
    shards, _ = in_parts(tmp_path, mix(validation=validation), 20)
    assert {shard.split for shard in shards} == {"validation" if validation else "train"}


def test_an_empty_mix_has_a_folder_and_no_file(tmp_path, rows):
    assert in_parts(tmp_path, rows.clear(), 20) == ([], [])
    assert contents(tmp_path / "parts") == {}


def twice(function, parts, **shared):
    for part in parts:
        function(part, **shared)
        yield function(part, **shared)


def test_parts_that_are_done_again_change_nothing(tmp_path, rows):
    expected = in_parts(tmp_path / "once", rows, 10)
    assert in_parts(tmp_path / "twice", rows, 10, each=twice) == expected
    assert contents(tmp_path / "twice" / "parts") == contents(tmp_path / "once" / "parts")


def spread_elsewhere(function, parts, **shared):
    """As a machine does that sees another folder: its rows are not there for the others."""
    for number, part in enumerate(parts):
        yield function(part, **shared)
        if function.__name__ == "spread_rows" and number == 1:
            shutil.rmtree(shared["plan"].spreading / "train-00000")


def written_elsewhere(function, parts, **shared):
    for part in parts:
        done = function(part, **shared)
        for path in done["path"] if "path" in done.columns else ():
            (shared["plan"].building / path).unlink()
        yield done


def never_written(function, parts, **shared):
    return iter(list(one_by_one(function, parts, **shared))[1:])


@pytest.mark.parametrize(
    ("each", "message"),
    [
        pytest.param(spread_elsewhere, r"train-00000-of-\d+\.parquet: found \d+ rows of the mix", id="rows"),
        pytest.param(written_elsewhere, r"files of the release were written.*are not in", id="files"),
        pytest.param(never_written, r"\d+ files of the release were written, expected", id="results"),
    ],
)
def test_what_is_missing_is_told(tmp_path, rows, each, message):
    with pytest.raises(ReleaseError, match=message):
        in_parts(tmp_path, rows, 10, each=each)
    assert not (tmp_path / "spreading").exists()
