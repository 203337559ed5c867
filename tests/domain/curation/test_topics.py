"""Prompts without a topic are grouped by meaning, whatever their order, and groups are named after their own words."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from static_model import write_static_model

from openreason_dagster.domain.curation.static_embeddings import Embed, load_topic_embedding
from openreason_dagster.domain.curation.topics import LEARNT_FROM, NO_WORDS, group_names, with_topics
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_pool import Topics

GEOMETRY = "triangle circle radius angle chord tangent"
CHEMISTRY = "acid molecule electron oxide reaction salt"
COOKING = "oven flour butter recipe dough sugar"


def texts_about(words: str) -> list[str]:
    """Six prompts of four of the words each."""
    subject = words.split()
    return [f"Describe the {' '.join(subject[place:] + subject[: max(0, place - 2)])}." for place in range(6)]


SUBJECTS = {words: texts_about(words) for words in (GEOMETRY, CHEMISTRY, COOKING)}
TEXTS = [text for texts in SUBJECTS.values() for text in texts]


@pytest.fixture(scope="module")
def embed(tmp_path_factory: pytest.TempPathFactory) -> Embed:
    folder = write_static_model(tmp_path_factory.mktemp("model"), TEXTS)
    return load_topic_embedding(Topics(model=str(folder)), Path())


def prompts_of(texts: Sequence[str], topic: str | None = None) -> pl.DataFrame:
    ids = [stable_hash([place, text]) for place, text in enumerate(texts)]
    return pl.DataFrame({"prompt_id": ids, "prompt": texts}).with_columns(topic=pl.lit(topic, pl.String))


def test_groups_are_the_subjects_and_have_their_words(embed: Embed) -> None:
    topics = with_topics(prompts_of(TEXTS), embed, count=3)
    for words, texts in SUBJECTS.items():
        (name,) = topics.filter(pl.col("prompt").is_in(texts))["topic"].unique()
        assert len(name.split(", ")) == 3
        assert set(name.split(", ")) <= set(words.split())


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(len(TEXTS))), count=st.integers(2, 30))
def test_the_order_changes_nothing_and_there_are_no_more_than_asked_for(
    embed: Embed, order: list[int], count: int
) -> None:
    prompts = prompts_of(TEXTS)
    topics = with_topics(prompts, embed, count=count)
    assert with_topics(prompts[order], embed, count=count).equals(topics[order])
    assert topics.select("prompt_id", "prompt").equals(prompts.select("prompt_id", "prompt"))
    assert 1 <= topics["topic"].drop_nulls().n_unique() <= count


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([], [], id="no-prompt"),
        pytest.param(["Describe the oven."], ["describe, oven, the"], id="one-prompt"),
        pytest.param(["The oven."] * 5, ["oven, the"] * 5, id="all-the-same"),
        pytest.param(["The oven.", "Zzyzx", ""], ["oven, the", None, None], id="no-known-token"),
        pytest.param(["The oven blorf."], ["blorf, oven, the"], id="an-unknown-token-beside-others"),
    ],
)
def test_few_prompts(embed: Embed, texts: list[str], expected: list[str | None]) -> None:
    assert with_topics(prompts_of(texts), embed, count=4)["topic"].to_list() == expected


def test_stated_topics_stay_and_make_no_group(embed: Embed) -> None:
    stated, untold = SUBJECTS[COOKING], SUBJECTS[CHEMISTRY]
    prompts = pl.concat([prompts_of(stated, "Cooking"), prompts_of(untold)])
    topics = with_topics(prompts, embed, count=2)
    assert topics["topic"].head(len(stated)).to_list() == ["Cooking"] * len(stated)
    assert topics.tail(len(untold)).equals(with_topics(prompts_of(untold), embed, count=2))


def test_prompts_beyond_those_that_decide_join_the_nearest_group() -> None:
    words = ["circle", "butter", "acid"]
    prompts = prompts_of([words[place % 3] for place in range(LEARNT_FROM + 100)])

    def one_axis_for_each_word(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.eye(3, dtype=np.float32)[[words.index(text) for text in texts]]

    topics = with_topics(prompts, one_axis_for_each_word, count=3)
    assert topics["topic"].equals(prompts["prompt"].alias("topic"))
    nothing = with_topics(prompts, lambda texts: np.zeros((len(texts), 3), dtype=np.float32), count=3)
    assert nothing["topic"].null_count() == prompts.height


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["the cat sat", "the cat ran"], ["cat, ran, sat"], id="what-another-group-says-too-weighs-less"),
        pytest.param(["3 + 4 = ?"], [NO_WORDS], id="numbers-alone"),
        pytest.param([r"\frac{\sqrt{x}}{y}"], [NO_WORDS], id="commands-are-no-words"),
        pytest.param([r"\frac vectors"], ["vectors"], id="a-word-beside-a-command"),
        pytest.param(["of a by no it"], [NO_WORDS], id="words-too-short"),
        pytest.param(["dog dog dog eel", "eel cow"], ["eel, cow, dog"], id="a-prompt-counts-a-word-once"),
        pytest.param(["三角形的面积"], ["形的, 面积, 三角"], id="words-that-are-not-set-apart"),
    ],
)
def test_names(texts: list[str], expected: list[str]) -> None:
    other = pl.DataFrame({"prompt": ["the dough and the oven", "the salt"], "group": [7, 7]})
    grouped = pl.concat([pl.DataFrame({"prompt": texts, "group": [2] * len(texts)}), other])
    names = group_names(grouped.with_columns(pl.col("group").cast(pl.Int32)))
    found = [re.split(", ", name) for name in names.filter(group=2)["topic"]]
    assert [sorted(words) for words in found] == [sorted(re.split(", ", name)) for name in expected]
    assert names["group"].sort().to_list() == [2, 7]


def test_the_most_characteristic_word_comes_first() -> None:
    texts = [*["the acid"] * 9, "the acid of salt and oxide", *["the oven"] * 10]
    grouped = pl.DataFrame({"prompt": texts, "group": [0] * 10 + [1] * 10}, schema_overrides={"group": pl.Int32})
    assert dict(group_names(grouped).rows()) == {0: "acid, and, oxide", 1: "oven, the"}
