"""A static model for semantic duplicates, made from texts of one's own where no published one can be fetched.

`python -m benchmarks.word_vectors FOLDER FILE...` reads every long string of JSONL files (also `.gz`), cuts it into
word pieces, and factors how much likelier pieces stand near each other than by chance (positive pointwise mutual
information and its singular values, Levy and Goldberg 2014; frequent pieces weigh less, Arora, Liang and Ma 2017). It
takes minutes for 40 MB of text.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

UNKNOWN = "[UNK]"
PIECES, CONTEXTS, DIMENSIONS = 24_000, 2_000, 256
WINDOW = 5
SHORTEST, LONGEST = 40, 20_000
"""Characters of a string; what is longer is cut."""
FREQUENT = 1e-3


def main() -> None:
    """Read, count, factor, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the model is written")
    parser.add_argument("files", type=Path, nargs="+", help="JSONL files")
    options = parser.parse_args()
    read = (text[:LONGEST] for path in options.files for text in strings_of(path) if len(text) > SHORTEST)
    texts = list(dict.fromkeys(read))
    tokenizer = pieces_of(texts)
    ids = running_ids(tokenizer, texts)
    StaticModel(vectors_of(ids, tokenizer.get_vocab_size()), tokenizer).save_pretrained(options.folder)
    print(f"{len(texts):,} texts, {len(ids):,} pieces of text, {tokenizer.get_vocab_size():,} different ones")


def strings_of(path: Path) -> Iterator[str]:
    """Every string in a JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for line in file:
            yield from strings_in(json.loads(line))


def strings_in(value: object) -> Iterator[str]:
    """Every string in a parsed value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings_in(part)


def pieces_of(texts: list[str]) -> Tokenizer:
    """A tokenizer of word pieces trained on the texts."""
    tokenizer = Tokenizer(WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    trainer = WordPieceTrainer(vocab_size=PIECES, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def running_ids(tokenizer: Tokenizer, texts: list[str]) -> NDArray[np.int32]:
    """The pieces of all texts one after the other, with a gap of -1 between two that no window spans."""
    gap = np.full(WINDOW, -1, np.int32)
    parts = (np.array(found.ids, np.int32) for found in tokenizer.encode_batch_fast(texts))
    return np.concatenate([side for part in parts for side in (part, gap)])


def vectors_of(ids: NDArray[np.int32], pieces: int) -> NDArray[np.float32]:
    """One row per piece."""
    import torch

    frequency = np.bincount(ids[ids >= 0], minlength=pieces) / np.count_nonzero(ids >= 0)
    likelier = information(ids, np.argsort(-frequency)[:CONTEXTS], pieces)
    torch.manual_seed(1)
    left, values, _ = torch.svd_lowrank(torch.from_numpy(likelier), q=DIMENSIONS, niter=3)
    vectors = (left * values.sqrt()).numpy()
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    vectors -= frequency @ vectors
    return np.asarray(vectors * (FREQUENT / (FREQUENT + frequency))[:, None], np.float32)


def information(ids: NDArray[np.int32], contexts: NDArray[np.int64], pieces: int) -> NDArray[np.float32]:
    """Positive pointwise mutual information of pieces and the most frequent of them as contexts."""
    place = np.full(pieces + 1, -1, np.int64)  # the last is where -1 points
    place[contexts] = np.arange(len(contexts))
    counts = np.zeros(pieces * len(contexts), np.float32)
    for distance in range(1, WINDOW + 1):
        before, after = ids[:-distance], ids[distance:]
        for piece, near in ((before, place[after]), (after, place[before])):
            both = (piece >= 0) & (near >= 0)
            found = np.bincount(piece[both] * np.int64(len(contexts)) + near[both], minlength=len(counts))
            counts += (found / distance).astype(np.float32)
    table = counts.reshape(pieces, len(contexts))
    of_context = table.sum(0) ** 0.75
    expected = table.sum(1, keepdims=True) * of_context / of_context.sum()
    return np.asarray(np.log(np.maximum(table / np.maximum(expected, 1e-9), 1)), np.float32)


if __name__ == "__main__":
    main()
