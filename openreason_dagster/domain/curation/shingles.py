r"""Texts as sets of short runs of words, and what of a question must be equal for two questions to be the same.

Words and signs are those of decontamination. Marks that only set a formula (`\left`, `\displaystyle`, the comma of
1,000) are left out, so that the same formula set in two ways is the same text.
"""

from functools import reduce

import polars as pl

from openreason_dagster.domain.curation.decontamination import MULTIPLIER, WORD_OR_SIGN

WORDS_PER_SHINGLE = 3
NUMBER = r"\p{N}+"
_SIGN = r"[\p{Sm}\-–*/^%]"
_EDGE = "\x00"
"""Stands before and after each text, so that a text of one word has a shingle."""

_SPELLINGS = (
    (r"\\(?:left|right|displaystyle|quad|qquad|limits|[,;:! ])", " "),
    (r"\\[dt]frac", r"\frac"),
    (r"\\(?:text|mathrm|textbf|mbox)\b", " "),
    (r"\\(?:times|cdot)|[×·]|\*\*", "*"),
    (r"\\div|÷", "/"),
    ("[−–]", "-"),
    (r"(\p{N}),(\p{N}{3})", "${1}${2}"),
    (r"(\p{L}{2,})-(\p{L})", "${1} ${2}"),
)
"""Ways to set the same formula or word, and the one that is compared."""


def plain_text(column: pl.Expr) -> pl.Expr:
    """The text after Unicode NFKC, lower-casing and one spelling of what can be set in several ways."""
    text = column.fill_null("").str.normalize("NFKC").str.to_lowercase()
    return reduce(lambda done, spelling: done.str.replace_all(*spelling), _SPELLINGS, text)


def shingles(texts: pl.Series) -> pl.Series:
    """The distinct runs of three words or signs of each text as 64-bit hashes, a sorted list for each.

    A text without any word or sign has an empty list, and so is similar to nothing.
    """
    words = plain_text(pl.col("text")).str.extract_all(WORD_OR_SIGN)
    edge = pl.lit([_EDGE], dtype=pl.List(pl.String))
    rows = pl.DataFrame({"text": texts}).select(words=words).with_row_index("row")
    word = pl.col("word").hash()
    key = reduce(
        lambda total, k: total * pl.lit(MULTIPLIER, pl.UInt64) + word.shift(-k), range(1, WORDS_PER_SHINGLE), word
    )
    runs = (
        rows.filter(pl.col("words").list.len() > 0)
        .select("row", word=pl.concat_list(edge, "words", edge))
        .explode("word")
        .select("row", ends_in=pl.col("row").shift(1 - WORDS_PER_SHINGLE), key=key)
        .filter(pl.col("row") == pl.col("ends_in"))
        .group_by("row")
        .agg(pl.col("key").unique().sort())
    )
    empty = pl.lit([], dtype=pl.List(pl.UInt64))
    return rows.select("row").join(runs, on="row", how="left", maintain_order="left").select(
        pl.col("key").fill_null(empty)
    )["key"]  # fmt: skip


def exact_part(prompt: str, answer: str) -> pl.Expr:
    """Hash of what near-duplicates have in common to the letter: numbers and signs in their order, and the answer.

    Another number makes another problem however alike the words are: `3 + 4` is not `3 + 5`. Where the answer has
    numbers, they alone are compared, so that `18 dollars` is `18`; elsewhere its words are.
    """
    return _hash_of(_numbers_and_signs(prompt), answer)


def unordered_exact_part(prompt: str, answer: str) -> pl.Expr:
    """As `exact_part`, but the prompt's numbers and signs may come in any order, each as often."""
    return _hash_of(_numbers_and_signs(prompt).list.sort(), answer)


def _numbers_and_signs(prompt: str) -> pl.Expr:
    return plain_text(pl.col(prompt)).str.extract_all(f"{NUMBER}|{_SIGN}")


def _hash_of(marks: pl.Expr, answer: str) -> pl.Expr:
    text = plain_text(pl.col(answer))
    numbers = text.str.extract_all(f"-?{NUMBER}").list.join(" ")
    words = text.str.extract_all(WORD_OR_SIGN).list.join(" ")
    key = pl.when(numbers != "").then(numbers).otherwise(words)
    return pl.concat_str(marks.list.join(" "), pl.lit("\x1f"), key).hash()
