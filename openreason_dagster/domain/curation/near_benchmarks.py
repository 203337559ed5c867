"""Questions that ask what a benchmark asks, in other words.

Whoever rewords a question keeps its numbers. So a prompt is compared with the benchmark questions that have the same
numbers, in any order and each as often, by the Jaccard index of their sets of words. Numbers bind if there are at least
two, and at most three questions have them. Where they do not, as in a puzzle without numbers, words alone have to tell:
then pairs of neighbouring words count too, and three quarters of all have to be shared. What is found resembles the
question; whether it asks the same is for people to say.
"""

import polars as pl

from openreason_dagster.domain.curation.decontamination import WORD_OR_SIGN
from openreason_dagster.domain.curation.shingles import NUMBER, plain_text
from openreason_dagster.domain.each_part import EachPart, one_by_one

BINDING_NUMBERS = 2
"""So many numbers bind, as long as no more than `SHARING_NUMBERS` questions have them."""
SHARING_NUMBERS = 3
LEAST_SIMILARITY_UNBOUND = 0.75
RAREST_WORDS = 8
"""Of a question that its numbers do not bind, a prompt has to have one of so many of the rarest words."""
_ROWS_AT_ONCE = 20_000

NEAR_SCHEMA = pl.Schema(
    {
        "prompt_id": pl.String(),
        "benchmark": pl.String(),
        "benchmark_row_id": pl.String(),
        "similarity": pl.Float64(),
    }
)


class BenchmarkQuestions:
    """What tells the questions of benchmarks apart, found once for any number of comparisons.

    `benchmarks` has the columns of benchmark_prompts.
    """

    def __init__(self, benchmarks: pl.DataFrame) -> None:
        shared = pl.len().over("numbers")
        binds = (pl.col("count") >= BINDING_NUMBERS) & (shared <= SHARING_NUMBERS)
        self._names = benchmarks.select("benchmark", "benchmark_row_id").with_row_index("question")
        self._questions = _compared(_features(benchmarks["prompt"]).with_columns(binding=binds))
        self._keys = _keys(self._questions, _rarest_words(self._questions)).rename({"row": "question"})

    def near(self, prompts: pl.DataFrame, *, similarity: float, each: EachPart = one_by_one) -> pl.DataFrame:
        """The question most like each prompt that resembles one, with the schema `NEAR_SCHEMA`.

        `prompts` needs the columns prompt_id and prompt. Of equally similar questions the first counts. Memory is
        bounded by the benchmarks and 20,000 prompts; the time grows with the number of prompts, and with how many of
        them have the numbers of a question.
        """
        parts = prompts.select("prompt_id", "prompt").iter_slices(_ROWS_AT_ONCE)
        found = each(_most_similar, parts, questions=self._questions, keys=self._keys, similarity=similarity)
        empty = pl.DataFrame(schema={"prompt_id": pl.String, "question": pl.UInt32, "similarity": pl.Float64})
        matches = pl.concat([empty, *found])
        return matches.join(self._names, on="question", maintain_order="left").select(NEAR_SCHEMA.names())


def _features(texts: pl.Series) -> pl.DataFrame:
    """`row`, `numbers` (in one text), how many there are, and the distinct `words` and `pairs` of neighbours."""
    text = plain_text(pl.col("text"))
    numbers, words = text.str.extract_all(NUMBER), text.str.extract_all(WORD_OR_SIGN)
    pairs = pl.concat_str(pl.element(), pl.lit(" "), pl.element().shift(-1)).drop_nulls()
    return (
        pl.DataFrame({"text": texts})
        .select(
            numbers=numbers.list.sort().list.join(" "),
            count=numbers.list.len(),
            words=words.list.unique(),
            pairs=words.list.eval(pairs).list.unique(),
        )
        .with_row_index("row")
    )


def _compared(texts: pl.DataFrame) -> pl.DataFrame:
    """`row`, `numbers`, `binding`, `words`, and the `features` whose sets are compared, as hashes."""
    hashed = pl.when("binding").then("words").otherwise(pl.concat_list("words", "pairs"))
    return texts.select("row", "numbers", "binding", "words", features=hashed.list.eval(pl.element().hash()))


def _rarest_words(questions: pl.DataFrame) -> pl.DataFrame:
    """`row` and `word` of the rarest words of each question, ties by the word."""
    words = questions.select("row", word="words").explode("word", empty_as_null=False)
    count = pl.len().over("word")
    place = pl.int_range(pl.len()).over("row")
    ordered = words.with_columns(count=count).sort("row", "count", "word")
    return ordered.filter(place < RAREST_WORDS).select("row", "word")


def _keys(texts: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    """`row` and `key`: the numbers where they bind, else the numbers with each of `words`."""
    bound = texts.filter("binding").select("row", key=pl.col("numbers").hash())
    loose = texts.filter(~pl.col("binding")).select("row", "numbers").join(words, on="row")
    return pl.concat([bound, loose.select("row", key=pl.concat_str("numbers", pl.lit("\x1f"), "word").hash())])


def _most_similar(
    prompts: pl.DataFrame, *, questions: pl.DataFrame, keys: pl.DataFrame, similarity: float
) -> pl.DataFrame:
    """`prompt_id`, `question` (row) and `similarity`, one row per prompt that resembles a question."""
    asked = questions.select("numbers", "binding").unique()
    texts = _compared(_features(prompts["prompt"]).join(asked, on="numbers"))
    words = texts.select("row", word="words").explode("word", empty_as_null=False)
    pairs = _keys(texts, words).join(keys, on="key").select("row", "question").unique()
    both = pairs.join(texts.select("row", "binding", "features"), on="row").join(
        questions.select(question="row", asked="features"), on="question"
    )
    common = pl.col("features").list.set_intersection("asked").list.len()
    all_ = pl.col("features").list.len() + pl.col("asked").list.len() - common
    least = pl.when("binding").then(similarity).otherwise(max(similarity, LEAST_SIMILARITY_UNBOUND))
    best = (
        both.with_columns(similarity=common.cast(pl.Float64) / all_)
        .filter(pl.col("similarity") >= least)
        .sort("row", "similarity", "question", descending=[False, True, False])
        .unique("row", keep="first", maintain_order=True)
    )
    return best.select(prompts["prompt_id"].gather(best["row"]), "question", "similarity")
