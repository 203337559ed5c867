"""Prompts of conversations join the clusters of what they resemble, in the pool and among themselves."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.curation.clusters import prompt_clusters
from openreason_dagster.domain.curation.conversation_clusters import with_openings
from openreason_dagster.domain.curation.near_duplicates import near_pairs

BASE = (
    "A farmer has 12 hens and each of them lays 5 eggs in a week. He sells all eggs at the market for $2 each, "
    "and pays $7 for the stall. How much money does he take home after a week at the market?"
)
OTHER = "Please write two friendly lines about the small shop in our street for the wall beside its door."
LONGER = BASE + " Explain it to me, please."
LONGEST = LONGER + " Write down how you do it."


def pool_of(*texts, verifier="math", reference="113"):
    return pl.DataFrame(
        [(f"p{number}", text, verifier, reference) for number, text in enumerate(texts)],
        schema=["prompt_id", "prompt", "verifier", "reference_answer"],
        orient="row",
    )


def openings_of(*texts):
    rows = [(f"c{number}", text) for number, text in enumerate(texts)]
    return pl.DataFrame(rows, schema={"prompt_id": pl.String, "prompt": pl.String}, orient="row")


def clustered(pool, openings, similarity=0.8):
    clusters = prompt_clusters(pool, near_pairs(pool, similarity=similarity))
    found = with_openings(clusters, pool, openings, similarity=similarity)
    return {row["prompt_id"]: (row["cluster_id"], row["kind"]) for row in found.iter_rows(named=True)}


@pytest.mark.parametrize(
    ("openings", "found"),
    [
        pytest.param([BASE], {"p0": ("p0", "first"), "c0": ("p0", "near_duplicate")}, id="the-pools-own-text"),
        pytest.param([BASE.upper()], {"p0": ("p0", "first"), "c0": ("p0", "near_duplicate")}, id="in-capitals"),
        pytest.param([BASE + " Explain."], {"p0": ("p0", "first"), "c0": ("p0", "near_duplicate")}, id="a-word-more"),
        pytest.param([BASE.replace("12", "13")], {"p0": ("p0", "single"), "c0": ("c0", "single")}, id="other-number"),
        pytest.param(
            [OTHER, OTHER + " Thanks!"],
            {"p0": ("p0", "single"), "c0": ("c0", "first"), "c1": ("c0", "near_duplicate")},
            id="like-each-other",
        ),
        pytest.param([], {"p0": ("p0", "single")}, id="none"),
    ],
)
def test_opening_joins_what_it_resembles(openings, found):
    assert clustered(pool_of(BASE), openings_of(*openings)) == found


def test_opening_between_two_prompts_of_the_pool_makes_them_one_cluster():
    pool = pool_of(BASE, LONGEST)
    assert clustered(pool, openings_of(OTHER), 0.85)["p1"] == ("p1", "single")
    assert clustered(pool, openings_of(LONGER), 0.85) == {
        "p0": ("p0", "first"), "p1": ("p0", "near_duplicate"), "c0": ("p0", "near_duplicate"),
    }  # fmt: skip


def test_clusters_of_the_pool_stay_as_they_are():
    pool = pool_of(BASE, OTHER, BASE + " Explain.")
    before = prompt_clusters(pool, near_pairs(pool, similarity=0.8))
    after = with_openings(before, pool, openings_of("Name a bird."), similarity=0.8)
    assert after.head(3).equals(before)
    assert after["cluster_id"].to_list() == ["p0", "p1", "p0", "c0"]


def test_generated_prompts_take_no_part():
    assert clustered(pool_of(BASE, verifier="procedural"), openings_of(BASE))["c0"] == ("c0", "single")


@given(st.lists(st.sampled_from([BASE, LONGER, LONGEST, OTHER, "Hi!", ""]), min_size=1, max_size=6), st.integers(0, 6))
def test_each_prompt_is_in_one_cluster_named_after_its_first(texts, size):
    pool, openings = pool_of(*texts[:size]), openings_of(*texts[size:])
    pool = pool.cast(dict.fromkeys(pool.columns, pl.String))
    found = clustered(pool, openings)
    assert list(found) == [*pool["prompt_id"], *openings["prompt_id"]]
    assert all(found[cluster][0] == cluster for cluster, _ in found.values())
    names = dict(zip(found, texts[:size] + texts[size:], strict=True))
    same = [prompt for prompt, text in names.items() if text == BASE]
    assert len({found[prompt][0] for prompt in same}) <= 1
