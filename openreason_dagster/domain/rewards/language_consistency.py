"""Language consistency (OR5): the share of the reasoning's words that are in the prompt's language.

R1 adds the number of words in the target language over the number of words of the chain of thought to the reward
(Nature 2025, equation 7); how words are counted was not published. Here `prose` says what a word is and `languages`
which language it is in.
"""

import polars as pl

from openreason_dagster.domain.rewards.languages import MEASURABLE_TARGETS, count_words

_COUNTS = pl.Schema({"target_words": pl.Int64(), "reasoning_words": pl.Int64(), "dominant_language": pl.String()})


def language_counts(rows: pl.DataFrame) -> pl.DataFrame:
    """Per row of `reasoning` and `language`: words in the target language, words, and the language of most words.

    `target_words` is null where the target language cannot be told from others, `dominant_language` where there are no
    words; the target wins a tie, then the first by code.
    """
    pairs = rows.select("reasoning", "language").iter_rows()
    return pl.DataFrame([_count(reasoning, language) for reasoning, language in pairs], schema=_COUNTS, orient="row")


def language_consistency(rows: pl.DataFrame) -> pl.Series:
    """Words in the target language over all words, 0 to 1; null without words or for an unmeasurable target.

    Needs the columns of `language_counts`.
    """
    words = pl.when(pl.col("reasoning_words") > 0).then("reasoning_words")
    return rows.select((pl.col("target_words") / words).alias("reward_language_consistency")).to_series()


def _count(reasoning: str, target: str) -> tuple[int | None, int, str | None]:
    counts = count_words(reasoning, target)
    dominant = min(counts, key=lambda language: (-counts[language], language != target, language), default=None)
    return counts[target] if target in MEASURABLE_TARGETS else None, counts.total(), dominant
