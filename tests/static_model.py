"""A small static model for tests: words of one meaning have nearly the same vector, all others nothing in common."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

MEANINGS = (
    "describe explain", "list name enumerate", "write compose draft", "create make build", "give provide supply",
    "find determine identify", "begin start commence", "big large huge", "small little tiny", "often frequently",
    "buys purchases", "sells vends", "gets receives", "child kid", "children kids", "car automobile", "job occupation",
    "movie film", "trip journey", "quick fast rapid", "happy glad", "friend pal", "house home", "shop store",
    "important significant", "example instance", "reason cause", "way method", "difference distinction",
    "story tale", "answer reply", "people persons", "spends pays", "left remaining", "total altogether", "each every",
    "many numerous", "best finest", "famous renowned", "kind type sort", "live reside", "picture image",
)  # fmt: skip
SYNONYM = {
    word: group[(place + 1) % len(group)] for group in map(str.split, MEANINGS) for place, word in enumerate(group)
}
"""Of each word another one of the same meaning."""
UNKNOWN = "[UNK]"
_WORD = re.compile(r"\w+|[^\w\s]+")
_DIMENSIONS = 64
_OWN_PART = 0.25
_FREQUENT = 1e-3
"""Words more frequent than this count less (smooth inverse frequency, Arora, Liang and Ma 2017)."""


def write_static_model(folder: Path, texts: Iterable[str]) -> Path:
    """Save a model that knows the words of the texts and of `MEANINGS` in the layout of model2vec; returns `folder`."""
    counts = Counter([*SYNONYM, *(word for text in texts for word in _WORD.findall(text.lower()))])
    words = [UNKNOWN, *sorted(counts)]
    random = np.random.default_rng(1)
    vectors = dict(zip(words, random.normal(size=(len(words), _DIMENSIONS)), strict=True))
    for group in map(str.split, MEANINGS):
        shared = vectors[group[0]]
        vectors |= {word: shared + _OWN_PART * random.normal(size=_DIMENSIONS) for word in group}
    total = counts.total()
    weights = np.array([_FREQUENT / (_FREQUENT + counts[word] / total) for word in words])
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    table = np.stack([vectors[word] for word in words]) * weights[:, None]
    StaticModel(table.astype(np.float32), tokenizer).save_pretrained(folder)
    return folder


def in_other_words(text: str) -> str:
    """The text with every word of `MEANINGS` replaced, as it was written otherwise."""
    return re.sub(r"[a-z]+", lambda found: SYNONYM.get(found[0], found[0]), text)
