"""How far language consistency is from known shares: texts mixed of sentences that carry their language.

Run from the repository root: `python -m benchmarks.language_agreement`. `--write FILE` puts the tables between the
markers of that file.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from statistics import fmean

from benchmarks.sections import write
from openreason_dagster.domain.rewards.languages import count_words
from openreason_dagster.domain.rewards.prose import clauses

BEGIN, END = "<!-- language agreement: begin -->", "<!-- language agreement: end -->"
DATA = Path(__file__).parents[1] / "tests/data"
TEXTS = 44
SENTENCES = 10


@dataclass(frozen=True)
class MixedText:
    """A text in two languages, and what is known of it."""

    text: str
    target_share: float
    """Words of the sentences in the target language over all words, 0 to 1."""


def main() -> None:
    """Measure every pair of languages and show the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="file whose section the tables replace")
    arguments = parser.parse_args()
    section = "\n\n".join(_sections())
    print(section)
    if arguments.write:
        write(arguments.write, section, begin=BEGIN, end=END)


@cache
def labelled_sentences() -> Mapping[str, Sequence[str]]:
    """Sentences by language, written for this."""
    return _by_language(
        (row["language"], row["sentence"]) for row in _rows(DATA / "labelled_sentences/sentences.jsonl")
    )


@cache
def news_sentences() -> Mapping[str, Sequence[str]]:
    """Sentences of NTREX in English and Chinese."""
    rows = _rows(DATA / "ntrex_en_zh/en_zh_20.jsonl")
    return _by_language(chain.from_iterable((("en", row["eng"]), ("zh", row["zho-CN"])) for row in rows))


def mixed_texts(target: Sequence[str], other: Sequence[str]) -> Iterator[MixedText]:
    """Yield texts of ten sentences, of which 0, 1, … 10 are in the target language, in an order drawn from a seed."""
    chance = random.Random(0)
    for index in range(TEXTS):
        own = index % (SENTENCES + 1)
        parts = [(True, sentence) for sentence in chance.sample(target, own)]
        parts += [(False, sentence) for sentence in chance.sample(other, SENTENCES - own)]
        chance.shuffle(parts)
        words = Counter[bool]()
        for is_target, sentence in parts:
            words[is_target] += word_count(sentence)
        yield MixedText(" ".join(sentence for _, sentence in parts), words[True] / words.total())


def word_count(text: str) -> int:
    """Words of a text, whatever their language."""
    return sum(len(words) for clause in clauses(text) for words in clause.words.values())


def errors(sentences: Mapping[str, Sequence[str]], target: str, other: str) -> list[float]:
    """Distance of the counted share from the known one, per text."""
    found = []
    for mixed in mixed_texts(sentences[target], sentences[other]):
        counts = count_words(mixed.text, target)
        found.append(abs(counts[target] / counts.total() - mixed.target_share))
    return found


def _sections() -> Iterator[str]:
    sentences = labelled_sentences()
    languages = list(sentences)
    rows = [[_cell(sentences, target, other) for other in languages] for target in languages]
    head = "| target | " + " | ".join(languages) + " |\n|---|" + "---|" * len(languages)
    yield "\n".join(
        [head, *(f"| {name} | " + " | ".join(row) + " |" for name, row in zip(languages, rows, strict=True))]
    )
    news = news_sentences()
    cells = {f"{target} with {other}": _cell(news, target, other) for target, other in (("en", "zh"), ("zh", "en"))}
    yield "News sentences of NTREX: " + ", ".join(f"{name} {value}" for name, value in cells.items()) + "."


def _cell(sentences: Mapping[str, Sequence[str]], target: str, other: str) -> str:
    return "–" if target == other else f"{fmean(errors(sentences, target, other)):.3f}"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    return map(json.loads, path.read_text("utf-8").splitlines())


def _by_language(labelled: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language, sentence in labelled:
        found.setdefault(language, []).append(sentence)
    return found


if __name__ == "__main__":
    main()
