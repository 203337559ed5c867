"""Curation on a local Ray cluster: the rows and files that this process makes."""

import json
import os
import signal
import sys

import dagster as dg
import polars as pl
import pytest
from finished_run import FINISHED
from polars.testing import assert_frame_equal
from small_workspace import QUIET

from openreason_dagster.domain.curation.benchmark_matches import answer_matches, matches_in_files
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.curation.near_duplicates import near_pairs
from openreason_dagster.domain.each_part import file_parts
from openreason_dagster.domain.errors import ClusterError
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS
from openreason_dagster.resources.ray_parts import RayParts, require_versions, versions

ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray uses much of pydantic's and its own old interfaces
]


@pytest.fixture(scope="module")
def each():
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with RayParts(None, folder="/shared/tables") as parts:
        yield parts


ANSWERS = pl.DataFrame(
    {
        "trace_id": [f"{number:02d}" for number in range(40)],
        "prompt_id": [f"p{number % 7}" for number in range(40)],
        "answer": [f"so it takes {number % 10} steps of many" for number in range(40)],
    }
)
BENCHMARKS = BENCHMARK_PROMPTS.frame(
    dict.fromkeys(BENCHMARK_PROMPTS.schema, "x")
    | {"benchmark": "known", "benchmark_row_id": str(number), "prompt": f"Say {number} steps of it", "solution": None}
    for number in (3, 4)
)
INDEX = BenchmarkIndex(BENCHMARKS, ngram=3)


def matches(each, files, wanted):
    found = each(matches_in_files, file_parts(files), wanted=wanted, benchmarks=INDEX)
    return pl.concat([answer_matches([], INDEX), *found])


def test_matches_are_those_of_this_process(each, tmp_path):
    paths = [tmp_path / f"{number}.parquet" for number in range(4)]
    for path, rows in zip(paths, ANSWERS.iter_slices(10), strict=True):
        rows.with_columns(reasoning=pl.lit("long")).write_parquet(path)
    wanted = ANSWERS.filter(pl.col("prompt_id") != "p3")
    found = matches(each, [str(path) for path in paths], wanted)
    assert found["trace_id"].to_list() == ["04", "13", "14", "23", "33", "34"]
    assert found.equals(answer_matches([wanted], INDEX))


def test_prompts_are_compared_as_in_this_process(each):
    prompts = ANSWERS.select("prompt_id", "trace_id", prompt="answer", solution=pl.lit(None, pl.String))
    expected = INDEX.overlaps(prompts)
    assert expected.height == 8
    assert INDEX.overlaps(prompts, prompts_at_once=9, each=each).equals(expected)
    rows = prompts.with_columns(reference_answer=pl.lit("1"), verifier=pl.lit("math"))
    pairs = near_pairs(rows, similarity=0.5)
    assert pairs.height > 30
    assert near_pairs(rows, similarity=0.5, each=each).equals(pairs)


def test_a_file_that_no_machine_can_read_is_named(each, tmp_path):
    with pytest.raises(ClusterError, match=r"(?s)matches_in_files.*gone\.parquet.*can read and write '/shared/tables'"):
        matches(each, [str(tmp_path / "gone.parquet")], ANSWERS)


def test_no_part_no_result(each):
    assert list(each(killed_once, [], folder=None)) == []


def killed_once(part, *, folder):
    mark = folder / "killed"
    if part["number"][0] == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def test_a_part_that_is_lost_with_its_process_is_done_again(each, tmp_path):
    parts = [pl.DataFrame({"number": [number], "text": ["x"]}) for number in range(3)]
    found = list(each(killed_once, parts, folder=tmp_path))
    assert_frame_equal(pl.concat(found), pl.concat(parts))
    assert (tmp_path / "killed").exists()


def test_a_machine_with_other_code_is_refused():
    with pytest.raises(ClusterError, match=r"polars is [\d.]+, not 0\.1\. Install the same"):
        require_versions({**versions(), "polars": "0.1"})
    require_versions(versions())


TABLES_OF = {
    "prompt_pool": ("prompt_pool", "prompt_pool_dropped", "prompt_clusters", "benchmark_matches"),
    "sft_mix": ("sft_mix", "sft_mix_dropped", "benchmark_matches"),
}


def rerun(workspace, instance, stage):
    """The asset again, with everything as it is but on Ray."""
    workspace.write_recipe(**FINISHED | {"curation": {"runner": "ray"}})
    job = workspace.definitions().resolve_job_def("build_pool" if stage == "prompt_pool" else "build_datasets")
    keys = [dg.AssetKey(stage)]
    assert job.execute_in_process(instance=instance, run_config=QUIET, asset_selection=keys).success


@pytest.mark.parametrize("stage", ["prompt_pool", "sft_mix"])
def test_the_tables_are_the_same(each, finished, instance, stage):
    tables, names = finished.tables, TABLES_OF[stage]
    before = {name: tables.scan(name).collect() for name in names}
    version = tables.version(stage)
    rerun(finished, instance, stage)
    assert tables.version(stage) > version
    for name, rows in before.items():
        assert_frame_equal(tables.scan(name).collect(), rows, check_row_order=name.startswith("prompt_"))


def test_the_release_is_the_same(each, finished, instance):
    folder = finished.workspace.release_folder
    before = contents(folder)
    rerun(finished, instance, "release")
    after = contents(folder)
    assert after.keys() == before.keys()
    own = {"recipe", "recipe_text", "created_at"}
    was, is_now = (json.loads(files.pop("manifest.json")) for files in (before, after))
    assert {key for key in was if was[key] != is_now[key]} <= own
    assert was["recipe"] | {"curation": {"runner": "ray"}} == is_now["recipe"]
    assert after == before


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
