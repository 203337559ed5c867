"""Prompts that say the same in other words are found, and what a mean of word vectors cannot tell keeps them apart."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from static_model import in_other_words, write_static_model

from openreason_dagster.domain.curation.clusters import pairs_among, prompt_clusters
from openreason_dagster.domain.curation.near_duplicates import PAIRS_SCHEMA, near_pairs
from openreason_dagster.domain.curation.semantic_duplicates import EARLIER_LISTED, semantic_pairs
from openreason_dagster.domain.curation.static_embeddings import Embed, load_embedding
from openreason_dagster.domain.recipe_pool import SemanticDuplicates

DATA = Path(__file__).parents[2] / "data"
SOURCES = {
    "chat_alpaca/alpaca.jsonl": "instruction",
    "chat_dolly/dolly.jsonl": "instruction",
    "chat_self_instruct/seed_tasks.jsonl": "instruction",
    "gsm8k/train.jsonl": "question",
    "gsm8k/test.jsonl": "question",
    "math_train/train.jsonl": "problem",
}
ASKED = "Tom buys 3 big boxes for $4 each and a small one for $2. How many dollars does he spend in total - and why?"
PROCEDURE = "Start with 5 marbles, add 3, and give 2 of them to a friend. How many are left?"


def questions() -> list[str]:
    read = (
        json.loads(line)[key]
        for name, key in SOURCES.items()
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    )
    return list(dict.fromkeys(read))


@pytest.fixture(scope="module")
def embed(tmp_path_factory: pytest.TempPathFactory) -> Embed:
    folder = write_static_model(tmp_path_factory.mktemp("model"), [*questions(), ASKED, "Why?"])
    return load_embedding(SemanticDuplicates(model=str(folder)), Path())


def prompts_of(*texts: str, answer: str | None = None, verifier: str = "judge", spec: str = "{}") -> pl.DataFrame:
    return pl.DataFrame({"prompt": texts}, schema={"prompt": pl.String}).with_columns(
        reference_answer=pl.lit(answer, pl.String), verifier=pl.lit(verifier), verifier_spec=pl.lit(spec)
    )


def found(pairs: pl.DataFrame) -> set[tuple[int, int]]:
    return set(pairs.select("row", "earlier_row").rows())


def test_words_of_one_meaning_are_found_where_shared_words_are_too_few(embed: Embed) -> None:
    texts = questions()
    planted = [(place, other) for place, text in enumerate(texts) if (other := in_other_words(text)) != text]
    prompts = prompts_of(*texts, *(other for _, other in planted))
    expected = {(len(texts) + number, place) for number, (place, _) in enumerate(planted)}
    by_meaning, by_words = (
        found(semantic_pairs(prompts, embed, similarity=0.9)),
        found(near_pairs(prompts, similarity=0.8)),
    )
    assert len(expected) == 98
    assert len(by_meaning & expected) >= 94
    assert len(by_words & expected) <= 35
    assert not by_meaning - expected


def test_sentences_in_another_order_are_found(embed: Embed) -> None:
    sentences = [(text, re.split(r"(?<=[.!])\s+", text)) for text in questions()]
    texts = [text for text, parts in sentences if len(parts) > 2]
    turned = [" ".join(reversed(parts)) for _, parts in sentences if len(parts) > 2]
    pairs = found(semantic_pairs(prompts_of(*texts, *turned), embed, similarity=0.9))
    assert pairs <= {(len(texts) + place, place) for place in range(len(texts))}
    assert (len(texts), len(pairs)) == (50, 48)  # two sentences end in a formula, and make a run of signs of their own


def test_a_text_in_other_words_is_a_pair_whatever_the_order_of_its_numbers(embed: Embed) -> None:
    other = (
        "Tom buys a small one for $2 and 3 large boxes for $4 each. How many dollars does he spend in total - and why?"
    )
    pairs = semantic_pairs(prompts_of(ASKED, other, answer="14"), embed, similarity=0.9)
    assert found(pairs) == {(1, 0)}
    assert pairs.schema == PAIRS_SCHEMA
    assert 0.9 < pairs["similarity"].item() < 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(prompts_of(ASKED), prompts_of(ASKED.replace("3", "5")), id="another-number"),
        pytest.param(prompts_of(ASKED), prompts_of(ASKED.replace("$2", "$2 or $2")), id="a-number-once-more"),
        pytest.param(prompts_of(ASKED), prompts_of(ASKED.replace(" - ", " + ")), id="another-sign"),
        pytest.param(prompts_of(ASKED, answer="14"), prompts_of(ASKED, answer="15"), id="another-answer"),
        pytest.param(prompts_of(ASKED, answer="14"), prompts_of(ASKED, answer=None), id="no-answer"),
        pytest.param(
            prompts_of(ASKED, verifier="instruction", spec='{"no_comma": true}'),
            prompts_of(ASKED, verifier="instruction", spec='{"no_comma": false}'),
            id="another-constraint",
        ),
        pytest.param(
            prompts_of(PROCEDURE, verifier="procedural"), prompts_of(PROCEDURE, verifier="procedural"), id="generated"
        ),
        pytest.param(prompts_of(""), prompts_of(""), id="no-words-at-all"),
        pytest.param(
            prompts_of("Quel est le plus grand fleuve de la France?"),
            prompts_of("Wie lang ist denn der Weg nach Rom?"),
            id="words-the-model-does-not-know",
        ),
        pytest.param(
            prompts_of("Describe the movie Zzyzx Qwrtp Blorf Snark"),
            prompts_of("Describe the movie Vrixl Pflum Grobb Kwonk"),
            id="too-few-known-words",
        ),
        pytest.param(prompts_of(ASKED + " Zzyzx"), prompts_of(ASKED + " Blorf"), id="one-word-it-does-not-know"),
    ],
)
def test_alike_words_are_not_enough(embed: Embed, first: pl.DataFrame, second: pl.DataFrame) -> None:
    assert semantic_pairs(pl.concat([first, second]), embed, similarity=0.5).is_empty()


def test_other_constraints_of_other_verifiers_do_not_matter(embed: Embed) -> None:
    both = pl.concat(
        prompts_of(text, verifier="code", spec=spec) for text, spec in [(ASKED, "1"), (ASKED + " Why?", "2")]
    )
    assert semantic_pairs(both, embed, similarity=0.9).height == 1


def test_no_prompts_at_all(embed: Embed) -> None:
    assert semantic_pairs(prompts_of(), embed, similarity=0.9).equals(pl.DataFrame(schema=PAIRS_SCHEMA))


def numbered(vectors: np.ndarray) -> tuple[pl.DataFrame, Embed]:
    """Prompts of one group that have the vectors; the texts spell their places in letters."""
    texts = ["".join(chr(97 + int(digit)) for digit in str(place)) for place in range(len(vectors))]
    place_of = {text: place for place, text in enumerate(texts)}
    return prompts_of(*texts), lambda asked: vectors[[place_of[text] for text in asked]]


def exact_vectors(rows: int) -> np.ndarray:
    """Vectors of length 1 whose cosines are eighths, so that no order of adding changes them."""
    signs = np.random.default_rng(rows).integers(2, size=(rows, 16))
    return (signs * 0.5 - 0.25).astype(np.float32)


def compared_one_by_one(vectors: np.ndarray, similarity: float) -> set[tuple[int, int]]:
    cosines = vectors @ vectors.T
    return {
        (row, int(earlier))
        for row in range(len(vectors))
        for earlier in np.flatnonzero(cosines[row, :row] >= similarity)[:EARLIER_LISTED]
    }


@pytest.mark.parametrize("rows", [2, 1_024, 1_025, 4_097, 5_500])
def test_tiles_find_what_one_comparison_after_the_other_does(rows: int) -> None:
    vectors = exact_vectors(rows)
    prompts, embed = numbered(vectors)
    expected = compared_one_by_one(vectors, 0.8)
    assert found(semantic_pairs(prompts, embed, similarity=0.8)) == expected
    assert len(expected) > rows / 10 - 1


def test_groups_of_a_large_pool_stay_apart_and_are_all_compared() -> None:
    count = 24_000
    texts = [f"{place // 2} of {'them' if place % 2 else 'these'}" for place in range(count)]
    pairs = semantic_pairs(prompts_of(*texts), lambda asked: np.ones((len(asked), 1), np.float32), similarity=0.9)
    assert found(pairs) == {(place + 1, place) for place in range(0, count, 2)}


def test_thousands_alike_are_one_cluster_and_no_square() -> None:
    prompts, embed = numbered(np.ones((3_000, 1), np.float32))
    pairs = semantic_pairs(prompts, embed, similarity=0.9)
    named = prompts.with_columns(prompt_id="prompt")
    clusters = prompt_clusters(named, pairs.clear(), semantic=pairs)
    assert pairs.height < 3_000 * EARLIER_LISTED
    assert clusters["cluster_id"].unique().to_list() == [named["prompt_id"][0]]


@settings(max_examples=20)
@given(st.permutations(range(12)), st.sampled_from([0.55, 0.7, 0.8]))
def test_pairs_do_not_depend_on_the_order_of_prompts(order: list[int], similarity: float) -> None:
    vectors = exact_vectors(12)
    prompts, embed = numbered(vectors)
    pairs = found(semantic_pairs(prompts[order], embed, similarity=similarity))
    by_text = {frozenset((order[row], order[earlier])) for row, earlier in pairs}
    assert by_text == {frozenset(pair) for pair in compared_one_by_one(vectors, similarity)}


def pairs_of(*pairs: tuple[int, int, float]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema=PAIRS_SCHEMA, orient="row")


def test_clusters_join_both_kinds_and_say_which_it_was() -> None:
    prompts = prompts_of(*"abcdefg").with_columns(prompt_id="prompt")
    clusters = prompt_clusters(
        prompts, pairs_of((1, 0, 0.8)), semantic=pairs_of((1, 0, 0.99), (2, 1, 0.9), (5, 3, 0.9), (5, 4, 0.95))
    )
    assert clusters["cluster_id"].to_list() == ["a", "a", "a", "d", "d", "d", "g"]
    assert clusters["kind"].to_list() == [
        "first", "near_duplicate", "semantic_duplicate", "first", "semantic_duplicate", "semantic_duplicate", "single"
    ]  # fmt: skip
    assert clusters["similar_prompt_id"].to_list() == [None, "a", "b", None, None, "e", None]
    assert clusters["similarity"].to_list() == [None, 0.8, 0.9, None, None, 0.95, None]


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        pytest.param([], [(2, 0, 0.9), (4, 3, 0.8)], id="none"),
        pytest.param([1], [(1, 0, 0.9), (3, 2, 0.8)], id="one-between"),
        pytest.param([0, 1], [(2, 1, 0.8)], id="one-of-a-pair"),
        pytest.param([0, 3], [], id="one-of-each"),
    ],
)
def test_pairs_are_numbered_anew_among_what_is_kept(gone: list[int], left: list[tuple[int, int, float]]) -> None:
    kept = pl.Series([place not in gone for place in range(5)])
    assert pairs_among(pairs_of((2, 0, 0.9), (4, 3, 0.8)), kept).equals(pairs_of(*left))
