"""How many words of a text are in which language.

The script decides first. Where several languages share a script, `lingua` judges a window of words, because single
words and names are unreliable evidence.
"""

from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from openreason_dagster.domain.rewards.function_words import ENGLISH_FUNCTION_WORDS
from openreason_dagster.domain.rewards.prose import Clause, clauses

if TYPE_CHECKING:
    from lingua import LanguageDetector

SCRIPT_LANGUAGES = {
    "latin": ("en", "es", "fr", "de", "it", "pt", "nl"),
    "cyrillic": ("ru", "uk", "bg"),
    "arabic": ("ar", "fa", "ur"),
    "devanagari": ("hi", "mr"),
    "greek": ("el",),
    "hebrew": ("he",),
    "thai": ("th",),
    "hangul": ("ko",),
    "kana": ("ja",),
    "han": ("zh", "ja"),
    "other": ("und",),
}
"""Languages looked for in each script: ISO 639-1, and ISO 639-2's `und` for scripts that are not told apart."""
LATIN_TARGETS = frozenset({"cs", "da", "fi", "hu", "id", "nb", "pl", "ro", "sv", "tr", "vi"})
"""Languages of the Latin script that are looked for only when they are the target."""
MEASURABLE_TARGETS = LATIN_TARGETS.union(*SCRIPT_LANGUAGES.values()) - {"und"}
"""Languages whose words can be told from others; ISO 639-1."""

_WINDOW_WORDS = 16
_LEAST_WORDS_JUDGED = 3
_TARGET_MARGIN = 1.5
_FOREIGN_MARGIN = 5.0
_ENGLISH_SHARE = 0.25
_LEAST_HAN_WITHOUT_KANA = 9


def count_words(text: str, target: str) -> Counter[str]:
    """Words of a text by language, for a text that should be in `target` (ISO 639-1).

    A window that gives no evidence is taken to be in the language of the one before it in the same script, unless that
    is far less likely than the target language. The first is taken to be in the target language where the target uses
    the script.
    """
    counts: Counter[str] = Counter()
    current: dict[str, str] = {}
    for clause in clauses(text):
        for script, words in clause.words.items():
            candidates = _candidates(script, target)
            if _only_names(words, candidates, target):
                continue
            for start in range(0, len(words), _WINDOW_WORDS):
                window = tuple(words[start : start + _WINDOW_WORDS])
                before = current.get(script, candidates[0])
                current[script] = _language(window, script, target=target, before=before, clause=clause)
                counts[current[script]] += len(window)
    return counts


def _only_names(words: list[str], candidates: tuple[str, ...], target: str) -> bool:
    """Whether these are names in passing: capitalised words in a script that the target language does not use."""
    return target not in candidates and all(word[0].isupper() for word in words)


@cache
def _candidates(script: str, target: str) -> tuple[str, ...]:
    """Languages to look for, the one to assume without evidence first."""
    languages = SCRIPT_LANGUAGES[script]
    if target in languages or (script == "latin" and target in LATIN_TARGETS):
        return (target, *(language for language in languages if language != target))
    return languages


def _language(words: tuple[str, ...], script: str, *, target: str, before: str, clause: Clause) -> str:
    """Language of a window of words in one script; that of the window before it where there is no evidence."""
    candidates = _candidates(script, target)
    if script == "han":
        return _evidence_from_han(words, clause) or before
    if len(candidates) == 1:
        return candidates[0]
    lowered = (words[0].lower(), *(word for word in words[1:] if not word[0].isupper()))
    if len(lowered) < _LEAST_WORDS_JUDGED:
        return before
    if target == "en" and sum(word in ENGLISH_FUNCTION_WORDS for word in lowered) >= _ENGLISH_SHARE * len(lowered):
        return target
    return _evidence_from_letters(lowered, candidates, target=target, before=before)


def _evidence_from_han(words: tuple[str, ...], clause: Clause) -> str | None:
    if "kana" in clause.words:
        return "ja"
    if len(words) >= _LEAST_HAN_WITHOUT_KANA or not all(map(_is_in_japanese_use, words)):
        return "zh"
    return None


@lru_cache(maxsize=32_768)
def _is_in_japanese_use(character: str) -> bool:
    """Whether the character is in JIS X 0208, which lacks most simplified forms, such as those of "this" and "say"."""
    try:
        character.encode("shift_jis")
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=65_536)
def _evidence_from_letters(words: tuple[str, ...], candidates: tuple[str, ...], *, target: str, before: str) -> str:
    """The most likely candidate where it stands out; else the one before, unless that is far less likely."""
    confidence = {
        value.language.iso_code_639_1.name.lower(): value.value
        for value in _detector(candidates).compute_language_confidence_values(" ".join(words))
    }
    first, second = sorted(confidence, key=confidence.__getitem__, reverse=True)[:2]
    if first != target and target in candidates:
        stands_out = confidence[first] >= _FOREIGN_MARGIN * confidence[target]
        likeliest = first if stands_out else target
    else:
        stands_out = confidence[first] >= _TARGET_MARGIN * confidence[second]
        likeliest = first
    return likeliest if stands_out or confidence[first] > _FOREIGN_MARGIN * confidence[before] else before


@cache
def _detector(candidates: tuple[str, ...]) -> "LanguageDetector":
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, language.upper()) for language in candidates]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()
