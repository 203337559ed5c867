"""Near-duplicates are found whatever the small change, and another number, sign or answer makes another problem."""

import json
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.curation.clusters import prompt_clusters, repeated_rows
from openreason_dagster.domain.curation.near_duplicates import (
    COMPARED_IN_BUCKET,
    MISSED,
    PAIRS_SCHEMA,
    PERMUTATIONS,
    band_rows,
    near_pairs,
)
from openreason_dagster.domain.schemas import PROMPT_CLUSTERS
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, generate

DATA = Path(__file__).parents[2] / "data"
BASE = (
    "A farmer has 12 hens and each of them lays 5 eggs in a week. He sells all eggs at the market for $2 each, "
    "and pays $7 for the stall. How much money does he take home after a week at the market?"
)


def prompts_of(*texts: str | tuple[str, str | None], verifier: str = "math") -> pl.DataFrame:
    rows = [(text, "113") if isinstance(text, str) else text for text in texts]
    frame = pl.DataFrame(rows, schema={"prompt": pl.String, "reference_answer": pl.String}, orient="row")
    return frame.with_columns(verifier=pl.lit(verifier), prompt_id=pl.int_range(pl.len()).cast(pl.String))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BASE.replace("farmer", "grower"), id="a-word-changed"),
        pytest.param(BASE + " Explain.", id="a-word-more"),
        pytest.param(BASE.replace("$2", "\\$2").replace("12 hens", "$12$ hens"), id="set-as-formula"),
        pytest.param(BASE.upper().replace(".", " ."), id="case-and-points"),
    ],
)
def test_a_small_change_makes_a_near_duplicate(text: str) -> None:
    assert near_pairs(prompts_of(BASE, text), similarity=0.8).select("row", "earlier_row").rows() == [(1, 0)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(BASE, BASE.replace("12", "13"), id="another-number"),
        pytest.param(BASE, BASE.replace("12", "5").replace("lays 5", "lays 12"), id="numbers-change-places"),
        pytest.param(BASE, (BASE + " Explain.", "114"), id="another-answer"),
        pytest.param(BASE + " Then 3 + 4?", BASE + " Then 3 - 4?", id="another-sign"),
        pytest.param("What is 3+4?", "What is 3+5?", id="short-question"),
        pytest.param("Is it red or blue?", "Is it blue or red?", id="order-of-words"),
        pytest.param(("", ""), ("?!", ""), id="no-words-at-all"),
    ],
)
def test_other_problems_are_no_near_duplicates(first: str, second: str) -> None:
    assert near_pairs(prompts_of(first, second), similarity=0.5).is_empty()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("18", "18 dollars", id="unit"),
        pytest.param("\\frac{1}{2}", "1/2", id="fraction"),
        pytest.param("1,000", "1000", id="thousands"),
        pytest.param("Yes", "yes.", id="word"),
        pytest.param(None, "", id="none"),
    ],
)
def test_answers_that_say_the_same(first: str | None, second: str | None) -> None:
    assert near_pairs(prompts_of((BASE, first), (BASE + " Explain.", second)), similarity=0.8).height == 1


def test_generated_prompts_are_left_apart() -> None:
    assert near_pairs(prompts_of(BASE, BASE + " Explain.", verifier="procedural"), similarity=0.5).is_empty()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_starter_problems_do_not_collapse(family: str) -> None:
    problems = list(generate(family, count=400, seed=3, split="held_out"))
    rows = prompts_of(*((problem.question, problem.answer) for problem in problems))
    assert near_pairs(rows, similarity=0.8).height <= 1


def test_real_near_duplicates_are_found_among_real_problems() -> None:
    rows = [json.loads(line) for name in ("near_duplicates", "train") for line in lines(f"math_train/{name}.jsonl")]
    pairs = near_pairs(prompts_of(*((row["problem"], row["answer"]) for row in rows)), similarity=0.8)
    assert pairs.select("earlier_row", "row").rows() == [(2 * pair, 2 * pair + 1) for pair in range(7)]


def lines(name: str) -> list[str]:
    return (DATA / name).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("similarity", [0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_miss_few_pairs_at_the_similarity(similarity: float) -> None:
    rows = band_rows(similarity)
    assert (1 - similarity**rows) ** (PERMUTATIONS // rows) <= MISSED


def test_members_of_a_large_group_are_all_found() -> None:
    count = 3 * COMPARED_IN_BUCKET
    texts = [BASE.replace("farmer", f"farmer{chr(97 + n // 26)}{chr(97 + n % 26)}") for n in range(count)]
    pairs = near_pairs(prompts_of(*texts), similarity=0.8)
    assert set(repeated_rows(pairs)["row"]) == set(range(1, count))
    assert pairs.height < count * count / 2


VARIANTS = [
    *(" ".join((BASE, *"abc"[:n])) for n in range(4)),
    *(f"{word} is a word before this: {BASE}" for word in ("this", "that", "so", "here")),
]


@pytest.fixture(scope="module")
def similar_alone() -> set[frozenset[str]]:
    pairs = [(first, second) for place, first in enumerate(VARIANTS) for second in VARIANTS[:place]]
    return {frozenset(pair) for pair in pairs if near_pairs(prompts_of(*pair), similarity=0.8).height}


@settings(max_examples=15, deadline=None)
@given(st.permutations(VARIANTS))
def test_pairs_do_not_depend_on_order_or_on_what_else_there_is(similar_alone, texts: list[str]) -> None:
    pairs = near_pairs(prompts_of(*texts), similarity=0.8)
    assert {frozenset((texts[row], texts[earlier])) for row, earlier, _ in pairs.rows()} == similar_alone
    assert 0 < len(similar_alone) < 28


def pairs_of(*pairs: tuple[int, int, float]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema=PAIRS_SCHEMA, orient="row")


def test_clusters_are_named_after_their_first_prompt_and_chains_are_one_cluster() -> None:
    prompts = prompts_of(*"abcde")
    clusters = prompt_clusters(prompts, pairs_of((2, 0, 0.9), (3, 2, 0.8)))
    assert clusters.schema == PROMPT_CLUSTERS.schema
    assert clusters["cluster_id"].to_list() == ["0", "1", "0", "0", "4"]
    assert clusters["kind"].to_list() == ["first", "single", "near_duplicate", "near_duplicate", "single"]
    assert clusters["similar_prompt_id"].to_list() == [None, None, "0", "2", None]


def test_what_is_dropped_resembles_something_that_stays() -> None:
    dropped = repeated_rows(pairs_of((1, 0, 0.8), (2, 1, 0.9), (3, 0, 0.8), (3, 2, 0.9)))
    assert dropped.select("row", "earlier_row").rows() == [(1, 0), (3, 2)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_clusters_are_the_connected_components(edges: list[tuple[int, int]]) -> None:
    pairs = pairs_of(
        *{(max(edge), min(edge)): (max(edge), min(edge), 0.9) for edge in edges if edge[0] != edge[1]}.values()
    )
    clusters = prompt_clusters(prompts_of(*map(str, range(10))), pairs)["cluster_id"].to_list()
    assert all(clusters[first] == clusters[second] for first, second in edges)
    names = sorted(set(clusters))
    assert [clusters.index(name) for name in names] == [int(name) for name in names]
    assert all(first < second for first, second in pairwise(names))
    left = set(range(10)) - set(repeated_rows(pairs)["row"])
    assert not any(row in left and earlier in left for row, earlier, _ in pairs.rows())


def test_pairs_of_rows_before_the_first_new_one_are_left_out():
    prompts = prompts_of(BASE, BASE + " Explain.", BASE + " Please.", BASE + " Thanks.")
    pairs = near_pairs(prompts, similarity=0.8)
    assert pairs.filter(pl.col("row") < 2).height == 1
    assert near_pairs(prompts, similarity=0.8, from_row=2).equals(pairs.filter(pl.col("row") >= 2))
