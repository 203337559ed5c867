import polars as pl
import pytest

from openreason_dagster.domain.curation.splits import split_of, with_cluster
from openreason_dagster.domain.provenance import stable_hash


def clusters(count: int) -> pl.DataFrame:
    return pl.DataFrame({"cluster_id": [stable_hash(["cluster", number]) for number in range(count)]})


def split(rows: pl.DataFrame, *, seed: int, share: float) -> pl.Series:
    return rows.select(split=split_of(pl.col("cluster_id"), seed=seed, share=share))["split"]


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [
        pytest.param(0.0, 0.0, 0.0, id="none"),
        pytest.param(0.1, 0.07, 0.13, id="tenth"),
        pytest.param(1.0, 1.0, 1.0, id="all"),
    ],
)
def test_share_of_validation(share: float, low: float, high: float) -> None:
    assert low <= (split(clusters(2000), seed=1, share=share) == "validation").mean() <= high


def test_the_seed_cuts_elsewhere() -> None:
    rows = clusters(200)
    assert not split(rows, seed=1, share=0.3).equals(split(rows, seed=2, share=0.3))


def test_adding_clusters_moves_none() -> None:
    assert split(clusters(20), seed=5, share=0.3).equals(split(clusters(40), seed=5, share=0.3).head(20))


def test_validation_of_a_smaller_share_is_part_of_that_of_a_larger_one() -> None:
    small, large = (split(clusters(500), seed=3, share=share) == "validation" for share in (0.1, 0.2))
    assert not (small & ~large).any()


def test_prompts_without_known_cluster_are_clusters_of_their_own() -> None:
    rows = pl.LazyFrame({"prompt_id": ["b", "c", "a"]})
    known = pl.LazyFrame({"prompt_id": ["a", "b"], "cluster_id": ["a", "a"], "kind": ["first", "near_duplicate"]})
    assert with_cluster(rows, known).collect().rows() == [("b", "a"), ("c", "c"), ("a", "a")]
