"""Answers compared with benchmarks on a local Ray cluster: the matches that this process finds."""

import dagster as dg
import polars as pl
import pytest
from finished_run import FINISHED
from polars.testing import assert_frame_equal
from small_workspace import QUIET

from openreason_dagster.domain.curation.benchmark_matches import answer_matches
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS
from openreason_dagster.resources.ray_answers import RayAnswers
from openreason_dagster.resources.ray_cluster import RayCluster

pytest.importorskip("ray", reason="the extra [ray] is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray uses much of pydantic's and its own old interfaces
]
NGRAM = 3


@pytest.fixture(scope="module")
def cluster():
    with RayCluster() as joined:
        yield joined


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


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.parquet" for number in range(4)]
    for path, rows in zip(paths, ANSWERS.sample(fraction=1.0, shuffle=True, seed=1).iter_slices(10), strict=True):
        rows.with_columns(reasoning=pl.lit("long")).write_parquet(path)
    return [str(path) for path in paths]


def test_matches_are_those_of_this_process(cluster, files):
    wanted = ANSWERS.filter(pl.col("prompt_id") != "p3")
    found = RayAnswers(files, ngram=NGRAM, address=None)(wanted, BENCHMARKS)
    assert found["trace_id"].to_list() == ["04", "13", "14", "23", "33", "34"]
    assert found.equals(answer_matches([wanted], BENCHMARKS, ngram=NGRAM).sort("trace_id"))


def test_a_file_that_no_node_can_read_is_named(cluster, tmp_path):
    with pytest.raises(ReleaseError, match=r"can read .*gone\.parquet"):
        RayAnswers([str(tmp_path / "gone.parquet")], ngram=NGRAM, address=None)(ANSWERS, BENCHMARKS)


def test_no_file_no_match(cluster):
    assert RayAnswers([], ngram=NGRAM, address=None)(ANSWERS, BENCHMARKS).is_empty()


def test_the_mix_is_the_same(cluster, finished, instance):
    tables = finished.tables
    before = {name: tables.scan(name).collect() for name in ("sft_mix", "sft_mix_dropped", "benchmark_matches")}
    version = tables.version("sft_mix")
    finished.write_recipe(**FINISHED | {"sft_mix": FINISHED["sft_mix"] | {"runner": "ray"}})
    job = finished.definitions().resolve_job_def("build_datasets")
    assert job.execute_in_process(instance=instance, run_config=QUIET, asset_selection=[dg.AssetKey("sft_mix")]).success
    assert tables.version("sft_mix") > version
    for name, rows in before.items():
        assert_frame_equal(tables.scan(name).collect(), rows, check_row_order=False)
