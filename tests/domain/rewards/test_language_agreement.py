"""Counted shares agree with known ones, and move only for words."""

import itertools
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.language_agreement import errors, labelled_sentences, mixed_texts, news_sentences, word_count
from openreason_dagster.domain.rewards.languages import count_words

SENTENCES = labelled_sentences()
PAIRS = list(itertools.permutations(SENTENCES, 2))
NOT_WORDS = [
    "$x^2 + y$",
    r"\(a \le b\)",
    r"\boxed{\text{apple}}",
    "`total += 1`",
    "https://a.org/some/words",
    "12.5",
    "=",
]
LANGUAGES = st.sampled_from(list(SENTENCES))


def share(text: str, target: str) -> float:
    counts = count_words(text, target)
    return counts[target] / counts.total()


def test_labels_cover_the_languages() -> None:
    assert list(SENTENCES) == ["en", "de", "fr", "es", "ru", "zh", "ja", "ko"]
    assert {len(sentences) for sentences in SENTENCES.values()} == {12}


@pytest.mark.parametrize(("target", "other"), PAIRS)
def test_counted_share_is_near_the_known_one(target: str, other: str) -> None:
    assert fmean(errors(SENTENCES, target, other)) <= 0.02


@pytest.mark.parametrize(("target", "other"), [("en", "zh"), ("zh", "en")])
def test_news_with_names_is_near_too(target: str, other: str) -> None:
    assert fmean(errors(news_sentences(), target, other)) <= 0.02


def test_wrong_labels_are_seen() -> None:
    swapped = {"en": SENTENCES["fr"], "fr": SENTENCES["en"]}
    assert fmean(errors(swapped, "en", "fr")) > 0.3


def test_mixed_texts_cover_all_shares() -> None:
    shares = [mixed.target_share for mixed in mixed_texts(SENTENCES["zh"], SENTENCES["ko"])]
    assert (min(shares), max(shares)) == (0.0, 1.0)
    assert any(0.2 < value < 0.5 for value in shares)


@pytest.mark.parametrize("language", SENTENCES)
def test_every_sentence_alone_is_in_its_language(language: str) -> None:
    assert [sentence for sentence in SENTENCES[language] if share(sentence, language) < 0.95] == []


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        pytest.param("これを足します。我们再看一遍。", "zh", 6 / 9, id="simplified forms end the Japanese"),
        pytest.param("これを足します。合計十五。", "ja", 1.0, id="Han alone goes on in Japanese"),
        pytest.param("我们把它们相加。合計は十五です。", "zh", 7 / 13, id="kana end the Chinese"),
        pytest.param("Let me check it again. Por lo tanto, la respuesta es par.", "es", 7 / 12, id="vague start"),
        pytest.param("이 값을 x 라고 합시다.", "ko", 1.0, id="variable in Korean"),
    ],
)
def test_where_one_language_ends(text: str, target: str, expected: float) -> None:
    assert share(text, target) == pytest.approx(expected)


@settings(deadline=None)  # the first text loads the language models
@given(st.data(), LANGUAGES)
def test_a_text_of_one_language_is_consistent(data: st.DataObject, language: str) -> None:
    chosen = data.draw(st.lists(st.sampled_from(SENTENCES[language]), min_size=1, max_size=8))
    assert share(" ".join(chosen), language) >= 0.95


@settings(deadline=None)  # the first text loads the language models
@given(st.data(), LANGUAGES, LANGUAGES)
def test_what_is_no_word_moves_nothing(data: st.DataObject, target: str, other: str) -> None:
    chosen = data.draw(st.lists(st.sampled_from([*SENTENCES[target], *SENTENCES[other]]), min_size=1, max_size=6))
    extra = data.draw(st.lists(st.sampled_from(NOT_WORDS), min_size=len(chosen), max_size=len(chosen)))
    plain = " ".join(chosen)
    decorated = " ".join(itertools.chain.from_iterable(zip(chosen, extra, strict=True)))
    assert count_words(decorated, target) == count_words(plain, target)


@settings(deadline=None)  # the first text loads the language models
@given(st.data(), LANGUAGES, LANGUAGES)
def test_texts_one_after_the_other_have_the_weighted_mean(data: st.DataObject, target: str, other: str) -> None:
    first = " ".join(data.draw(st.lists(st.sampled_from(SENTENCES[target]), min_size=3, max_size=6)))
    second = " ".join(data.draw(st.lists(st.sampled_from(SENTENCES[other]), min_size=3, max_size=6)))
    words = word_count(first), word_count(second)
    expected = (share(first, target) * words[0] + share(second, target) * words[1]) / sum(words)
    assert share(f"{first}\n\n{second}", target) == pytest.approx(expected, abs=0.1)
