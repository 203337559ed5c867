import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.curation.diversity import select_diverse


def rows_of(*groups: str, per_cluster: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "trace_id": f"{number:03}",
                "cluster_id": str(number // per_cluster),
                "source": group,
                "completion_tokens": number,
            }
            for number, group in enumerate(groups)
        ]
    )


def choose(rows: pl.DataFrame, count: int, seed: int = 0) -> pl.DataFrame:
    return select_diverse(rows, count, by=["source"], prefer="completion_tokens", seed=seed)


@pytest.mark.parametrize(
    ("groups", "count", "expected"),
    [
        pytest.param("a" * 90 + "b" * 9 + "c", 9, {"a": 4, "b": 4, "c": 1}, id="rare-groups-first"),
        pytest.param("aaab", 9, {"a": 3, "b": 1}, id="fewer-than-asked"),
    ],
)
def test_groups_take_turns(groups: str, count: int, expected: dict[str, int]) -> None:
    assert dict(choose(rows_of(*groups), count)["source"].value_counts().iter_rows()) == expected


def test_a_cluster_gets_its_second_row_after_all_have_one() -> None:
    chosen = choose(rows_of(*"a" * 40, per_cluster=2), 21)
    assert chosen["cluster_id"].head(20).n_unique() == 20


def test_longer_traces_are_likelier_but_not_certain() -> None:
    rows = rows_of(*"a" * 100)
    means = [choose(rows, 10, seed=seed)["completion_tokens"].mean() for seed in range(30)]
    assert 60 < sum(means) / len(means) < 94


def test_length_unknown_is_least_likely() -> None:
    rows = rows_of(*"a" * 20).with_columns(
        completion_tokens=pl.when(pl.col("trace_id") > "000").then("completion_tokens")
    )
    assert sum(choose(rows, 1, seed=seed)["trace_id"][0] == "000" for seed in range(40)) < 8


@given(st.permutations(range(12)), st.integers(0, 12), st.integers(0, 3))
def test_the_order_of_rows_does_not_matter_and_no_row_comes_twice(order: list[int], count: int, seed: int) -> None:
    rows = rows_of(*"aabbccddaabb", per_cluster=3)
    chosen = choose(rows[order], count, seed)
    assert chosen.equals(choose(rows, count, seed))
    assert chosen["trace_id"].n_unique() == chosen.height == count
    assert chosen.equals(choose(rows, 12, seed).head(count))
