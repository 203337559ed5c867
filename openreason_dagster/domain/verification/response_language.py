"""Is a whole text in a given language?

The script decides first: at least four fifths of the letters belong to a script of the language, for names and terms of
another script do not make a text foreign; below half the text is in another language, and between the two nothing is
known. Kana tell Japanese from Chinese.

Where several languages share the script the text is read in pieces of at most forty words, by lines. A piece is in the
language when no other is more than twice as likely, and in another when one is fifty times as likely. The text is in
the language when four fifths of its words are in such pieces, and is not when more than a fifth is in others.

Letter case does not matter. `lingua` compares the languages of a script; those of Devanagari are told apart by their
commonest words, because `lingua` does not know Nepali.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from openreason_dagster.domain.verification.written_languages import (
    DEVANAGARI,
    DEVANAGARI_WORDS,
    OWN_SCRIPTS,
    SCRIPTS,
    SHARED_SCRIPTS,
)

if TYPE_CHECKING:
    from lingua import LanguageDetector

_OWN, _FOREIGN, _ALIEN = 0.8, 0.2, 0.5
_NEAR, _FAR = 2.0, 50.0
_MOST_WORDS = 40
_LETTERS_WITHOUT_KANA = 30
_KANA_IN_CHINESE = 0.05
_LETTERS_PER_HAN = 3
"""Letters of other scripts that say as much as one Chinese character."""
_LEAST_WORDS = 12
_LEAST_COMMON_WORDS = 2
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")


def is_in_language(text: str, language: str) -> bool | None:
    """Whether the text is in the language, one of `written_languages.LANGUAGES`; None where that is unclear."""
    text = _ADDRESS.sub(" ", unicodedata.normalize("NFC", text))
    scripts = Counter(filter(None, map(_script, text)))
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    is_japanese = kana > _KANA_IN_CHINESE * scripts.total()
    scripts["CJK"] *= _LETTERS_PER_HAN
    own, total = sum(scripts[script] for script in SCRIPTS[language]), scripts.total()
    if own < _ALIEN * total or (language == "zh" and is_japanese):
        return False
    if own < _OWN * total or not total:
        return None
    if language == "ja" and not kana:
        return None if total < _LETTERS_WITHOUT_KANA else False
    return True if language in OWN_SCRIPTS else _by_words(text, language)


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """The script of a letter or of a mark on one; empty for other characters."""
    if unicodedata.category(character)[0] not in "LM":
        return ""
    return unicodedata.name(character, "UNKNOWN").split()[0]


def _by_words(text: str, language: str) -> bool | None:
    total = own = foreign = 0
    script = SCRIPTS[language][0]
    for piece in _pieces(text, script):
        judged = _is_piece_in(" ".join(piece), script, language)
        total += len(piece)
        own += len(piece) if judged else 0
        foreign += len(piece) if judged is False else 0
    if foreign > _FOREIGN * total:
        return False
    return True if own >= _OWN * total else None


def _pieces(text: str, script: str) -> Iterator[list[str]]:
    """The words of the script in small letters: lines, the short ones joined and the long ones divided."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if len(blocks[-1]) >= _LEAST_WORDS:
            blocks.append([])
        blocks[-1].extend(_words(line, script))
    if len(blocks) > 1 and len(blocks[-1]) < _LEAST_WORDS:
        blocks[-2].extend(blocks.pop())
    for block in blocks:
        parts = -(-len(block) // _MOST_WORDS)
        yield from (block[len(block) * part // parts : len(block) * (part + 1) // parts] for part in range(parts))


def _words(line: str, script: str) -> list[str]:
    if script == DEVANAGARI:
        return [word for token in line.split() if (word := token.strip("।॥.,;:!?()\"'*-"))]
    return [word for word in _WORD.findall(line.lower()) if _script(word[0]) == script]


@lru_cache(maxsize=65_536)
def _is_piece_in(piece: str, script: str, language: str) -> bool | None:
    likelihoods = _common_words(piece) if script == DEVANAGARI else _likelihoods(piece, script)
    best = max(likelihoods.values())
    if best == 0:
        return None
    if likelihoods[language] * _NEAR >= best:
        return True
    is_long = len(piece.split()) >= _LEAST_WORDS
    return False if is_long and likelihoods[language] * _FAR <= best else None


def _common_words(piece: str) -> dict[str, float]:
    words = piece.split()
    counts = {code: sum(word in common for word in words) for code, common in DEVANAGARI_WORDS.items()}
    return {code: float(count) if count >= _LEAST_COMMON_WORDS else 0.0 for code, count in counts.items()}


def _likelihoods(piece: str, script: str) -> dict[str, float]:
    confidences = _detector(script).compute_language_confidence_values(piece)
    return {str(value.language.iso_code_639_1.name).lower(): float(value.value) for value in confidences}


@lru_cache(maxsize=8)
def _detector(script: str) -> "LanguageDetector":
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, language.upper()) for language in sorted(SHARED_SCRIPTS[script])]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()
