import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.verification.constraints.constraint import Count
from openreason_dagster.domain.verification.constraints.text_units import sentences, words


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        pytest.param("one two three", 3, 3, id="plain"),
        pytest.param("", 0, 0, id="empty"),
        pytest.param("* - — ***\n# !", 0, 0, id="signs are no words"),
        pytest.param("don't", 1, 2, id="contraction"),
        pytest.param("a well-known fact", 3, 4, id="hyphen"),
        pytest.param("about 1,000.50 euros", 3, 5, id="number with separators"),
        pytest.param("so—then", 1, 2, id="dash without blanks"),
        pytest.param("snake_case", 1, 2, id="underscore"),
        pytest.param("मैं विद्यालय जाता हूँ", 4, 4, id="vowel signs do not split Hindi words"),
        pytest.param("ನಾನು ಶಾಲೆಗೆ ಹೋಗುತ್ತೇನೆ", 3, 3, id="Kannada"),
        pytest.param("cafe\u0301 au lait", 3, 3, id="combining accent"),
        pytest.param("我喜欢茶。", 1, 4, id="Chinese is written without blanks"),
    ],
)
def test_words(text, least, most):
    assert words(text) == Count(least, most)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        pytest.param("One. Two! Three?", 3, 3, id="three marks"),
        pytest.param("", 0, 0, id="empty"),
        pytest.param("... !!! ?", 0, 0, id="marks without words"),
        pytest.param("no end mark", 1, 1, id="no mark"),
        pytest.param("It cost 3.50 euros. Cheap.", 2, 2, id="decimal point"),
        pytest.param("Dr. Smith met Mrs. Jones. They talked.", 2, 2, id="titles"),
        pytest.param("Use fruit, e.g. Apples. Done.", 2, 2, id="for example"),
        pytest.param("We met at 5 p.m. She left.", 1, 2, id="abbreviation that may end a sentence"),
        pytest.param("J. K. Rowling wrote it.", 1, 2, id="initials"),
        pytest.param("Wait... what? Yes.", 2, 3, id="ellipsis before a small letter"),
        pytest.param('"Really?" he asked. "Yes."', 2, 3, id="question inside a sentence"),
        pytest.param("1. Wash it.\n2. Dry it.", 2, 2, id="list numbers"),
        pytest.param("it rains. it pours.", 2, 2, id="small letters only"),
        pytest.param("a. Wash it.\nb. Dry it.", 2, 2, id="list letters"),
        pytest.param("# Title\nIt rains. It pours.", 2, 3, id="heading"),
        pytest.param("* one\n* two\n* three", 1, 3, id="bullets without marks"),
        pytest.param("He said (really!). Fine.", 2, 2, id="brackets after the mark"),
        pytest.param("What?! No way!!!", 2, 2, id="runs of marks"),
        pytest.param("今天很好。我们去公园。", 2, 2, id="Chinese marks need no blank"),
        pytest.param("मैं जाता हूँ। वह आती है।", 2, 2, id="danda"),
        pytest.param("كيف حالك؟ أنا بخير.", 2, 2, id="Arabic question mark"),
        pytest.param("See www.example.com for more. Bye.", 2, 2, id="points inside an address"),
    ],
)
def test_sentences(text, least, most):
    assert sentences(text) == Count(least, most)


@given(st.text(alphabet="ab1 .!?\n'-*1Dr。", max_size=60))
def test_narrow_reading_never_counts_more_than_the_wide_one(text):
    for count in (words(text), sentences(text)):
        assert 0 <= count.least <= count.most


@given(st.lists(st.sampled_from(["It rains.", "Who is it?", "Stop!"]), max_size=30))
def test_plain_sentences_are_counted_exactly(parts):
    assert sentences(" ".join(parts)) == Count(len(parts), len(parts))


@given(st.lists(st.text("abcxyzé", min_size=1), max_size=30))
def test_plain_words_are_counted_exactly(parts):
    assert words("  ".join(parts)) == Count(len(parts), len(parts))


@pytest.mark.parametrize("unit", ["." * 200_000 + "a", ".a" * 100_000, ". " * 100_000, "'a" * 100_000, "\n" * 200_000])
def test_time_grows_with_the_length_only(unit):
    words(unit)
    sentences(unit)
