"""Overlap of prompts with evaluation sets, by runs of words.

R1 removed every training text with a 10-gram in common with an evaluation question or its reference solution
(DeepSeek-R1, arXiv:2501.12948, version 2, appendix D.1). Here a prompt is contaminated when

- a run of n words of its text or of its solution is also in a benchmark's question or solution, or
- its text has fewer than n words and is, as a whole, a benchmark's question.

Words are runs of letters and digits after Unicode NFKC and lower-casing; punctuation, signs and white space only
separate them. Scripts written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) have one word per
character, so that n words are a shorter passage there. Where short texts are compared whole, mathematical signs count
as well: `3 + 4` is not `3 - 4`. Short solutions are never compared whole: two questions with the answer 12 have
nothing else in common.

Runs are compared by 64-bit hashes: with 5 million runs of benchmarks and 200 million of prompts, the chance of one
false match in the whole comparison is about 1 in 20,000.
"""

from functools import reduce

import polars as pl

from openreason_dagster.domain.each_part import EachPart, one_by_one

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
WORD = rf"[{UNSPACED}&&[\p{{L}}\p{{N}}\p{{M}}]]|[\p{{L}}\p{{N}}\p{{M}}&&[^{UNSPACED}]]+"
WORD_OR_SIGN = rf"{WORD}|[\p{{Sm}}\p{{Pd}}*/^%]"
MULTIPLIER = 0x9E3779B97F4A7C15

OVERLAP_SCHEMA = pl.Schema(
    {
        "prompt_id": pl.String(),
        "benchmark": pl.String(),
        "benchmark_row_id": pl.String(),
        "matching_text": pl.String(),
    }
)
_HITS = pl.Schema({"prompt_id": pl.String(), "matching_text": pl.String(), "benchmark_row": pl.UInt32()})


class BenchmarkIndex:
    """The runs of words of benchmarks, found once for any number of comparisons.

    Args:
        benchmarks: With the columns of benchmark_prompts.
        ngram: Words in a run that count as overlap; shorter questions are compared whole.
    """

    def __init__(self, benchmarks: pl.DataFrame, *, ngram: int) -> None:
        self._ngram = ngram
        self._names = benchmarks.select("benchmark", "benchmark_row_id").with_row_index("benchmark_row")
        runs = [_runs(_words(benchmarks, column), ngram) for column in ("prompt", "solution")]
        self._runs = _first_of_each(pl.concat(runs))
        self._wholes = _first_of_each(_whole_texts(benchmarks, ngram))

    def overlaps(
        self, prompts: pl.DataFrame, *, prompts_at_once: int = 20_000, each: EachPart = one_by_one
    ) -> pl.DataFrame:
        """The first overlap of each contaminated prompt, with the schema `OVERLAP_SCHEMA`.

        `prompts` needs the columns `prompt_id`, `prompt` and `solution`. First means: whole text, then question, then
        solution of the prompt, from its beginning; and the benchmark row that comes first. `each` compares
        `prompts_at_once` prompts at a time: memory is bounded by their runs and those of the benchmarks, and the time
        grows with the runs of the prompts.
        """
        parts = prompts.select("prompt_id", "prompt", "solution").iter_slices(prompts_at_once)
        found = each(_first_overlaps, parts, runs=self._runs, wholes=self._wholes, ngram=self._ngram)
        hits = pl.concat([pl.DataFrame(schema=_HITS), *found])
        return hits.join(self._names, on="benchmark_row", maintain_order="left").select(OVERLAP_SCHEMA.names())


def _first_of_each(keys: pl.DataFrame) -> pl.DataFrame:
    return keys.group_by("key").agg(benchmark_row=pl.col("row").min())


def _first_overlaps(prompts: pl.DataFrame, *, runs: pl.DataFrame, wholes: pl.DataFrame, ngram: int) -> pl.DataFrame:
    """`prompt_id`, `matching_text`, `benchmark_row` per contaminated prompt, in the order of `prompts`."""
    hits = [_whole_texts(prompts, ngram).join(wholes, on="key").select("row", "benchmark_row", matching_text="key")]
    for column in ("prompt", "solution"):
        words = _words(prompts, column)
        hits.append(_matching_runs(words, _runs(words, ngram).join(runs, on="key"), ngram))
    first = pl.concat(hits).unique("row", keep="first", maintain_order=True).sort("row")
    return first.select(prompts["prompt_id"].gather(first["row"]), "matching_text", "benchmark_row")


def _words(texts: pl.DataFrame, column: str) -> pl.DataFrame:
    """`row` and `words` (a list) of each text of `column`."""
    words = pl.col(column).fill_null("").str.normalize("NFKC").str.to_lowercase().str.extract_all(WORD)
    return texts.select(words=words).with_row_index("row")


def _whole_texts(texts: pl.DataFrame, ngram: int) -> pl.DataFrame:
    """`row` and `key` of the prompts with at least one and fewer than `ngram` words."""
    text = pl.col("prompt").str.normalize("NFKC").str.to_lowercase()
    return (
        texts.select(key=text.str.extract_all(WORD_OR_SIGN).list.join(" "), words=text.str.count_matches(WORD))
        .with_row_index("row")
        .filter(pl.col("words").is_between(1, ngram - 1))
        .select("row", "key")
    )


def _runs(texts: pl.DataFrame, ngram: int) -> pl.DataFrame:
    """`row`, `start` (0-based word) and `key` (hash) of every run of `ngram` words in lists of `words`."""
    word = pl.col("hash")
    key = reduce(lambda total, k: total * pl.lit(MULTIPLIER, pl.UInt64) + word.shift(-k), range(1, ngram), word)
    return (
        texts.filter(pl.col("words").list.len() >= ngram)
        .select("row", word=pl.col("words"), start=pl.int_ranges(pl.col("words").list.len()))
        .explode("word", "start")
        .with_columns(hash=pl.col("word").hash(), last_row=pl.col("row").shift(1 - ngram))
        .select("row", "start", "last_row", key=key)
        .filter(pl.col("row") == pl.col("last_row"))
        .select("row", "start", "key")
    )


def _matching_runs(words: pl.DataFrame, matches: pl.DataFrame, ngram: int) -> pl.DataFrame:
    """The earliest match of each text, with its words."""
    first = matches.sort("row", "start").unique("row", keep="first", maintain_order=True)
    return first.join(words, on="row").select(
        "row", "benchmark_row", matching_text=pl.col("words").list.slice(pl.col("start"), ngram).list.join(" ")
    )
