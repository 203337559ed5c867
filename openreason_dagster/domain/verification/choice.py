r"""Verifier kind `choice`: one option of a multiple-choice question.

The specification holds `{"choices": {"A": "text", …}}`; the reference is a label, or the text of one option. An
answer chooses by label (`B`, `(B)`, `\text{B}`, `B) text`), by the whole text of exactly one option, or by a value
equal to it. Naming two options is a hedge and incorrect. A letter is read only where it stands alone: never inside a
formula or a word. Of the places that mark a final answer the first that names an option counts: box, tag, phrase,
last line.
"""

import re
import unicodedata
from collections.abc import Mapping

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import marked_answers, whole_answer
from openreason_dagster.domain.verification.formulas.comparison import same_answer
from openreason_dagster.domain.verification.formulas.reader import readings
from openreason_dagster.domain.verification.formulas.tree import UnreadableError, walk
from openreason_dagster.domain.verification.normalisation import folded_text, without_wrappers

_FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]*\$|\\\[.*?\\\]|\\\(.*?\\\)", re.DOTALL)
LARGEST_COMPARED = 120
"""Nodes of two formulas, an option and an answer, that are compared by value."""
_REASON = re.compile(r"[\s,](?:because|since|as(?! well)|due to|given that|while|whereas|so that)\b", re.IGNORECASE)
_NEGATED = re.compile(
    r"(?:\bnot|n't(?: be)?|\bneither|\bnor|\brather than|\binstead of|\bunlike|\bexcept)\s+(?:option\s+|choice\s+)?"
    r"[\[(]?[A-Z](?![a-zA-Z])[\])]?",
)
_WORD = re.compile(r"[^\W\d_]{3,}|[\u4e00-\u9fff]{2,}")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_ALONE_BEFORE = r"(?<![A-Za-z0-9_'’\\^=+*<>-])(?<![=+*<>^]\s)"
_ALONE_AFTER = r"(?![A-Za-z0-9_'’]|\s*[\^=+*<>])"
_LEADING_WORDS = re.compile(
    r"^(?:(?:it is|it's|definitely|most likely|probably|clearly|the|correct|option|choice|letter|answer|is)\b[\s:]*)+",
    re.IGNORECASE,
)


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"Answer: {reference}"


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge by the option chosen; always decides."""
    choices = spec.get("choices")
    if not isinstance(choices, dict) or not choices:
        return _judgement(Verdict.BAD_REFERENCE, None, "label", "the specification has no `choices`")
    options = {str(label): str(text) for label, text in choices.items()}
    expected = _chosen(reference, options)
    if len(expected) != 1:
        message = f"the reference {reference[:80]!r} is none of the options {', '.join(options)}"
        return _judgement(Verdict.BAD_REFERENCE, None, "label", message)
    last_line = _last_line(whole_answer(answer))
    candidates = [*marked_answers(answer), *([last_line] if last_line else [])]
    if not candidates:
        return _judgement(Verdict.NO_ANSWER, None, "label", "no final answer was found")
    extracted = next((candidate for candidate in candidates if _chosen(candidate, options)), candidates[0])
    return _compare(expected, _chosen(extracted, options), extracted=extracted)


def _compare(expected: set[str], chosen: set[str], *, extracted: str) -> Judgement:
    if not chosen:
        return _judgement(Verdict.NO_ANSWER, extracted, "label", "the final answer names no option")
    if len(chosen) > 1:
        return _judgement(Verdict.INCORRECT, extracted, "label", f"names several options: {', '.join(sorted(chosen))}")
    verdict = Verdict.CORRECT if chosen == expected else Verdict.INCORRECT
    return _judgement(
        verdict, extracted, "label", f"chose {next(iter(chosen))}, the reference is {next(iter(expected))}"
    )


def _chosen(text: str, options: dict[str, str]) -> set[str]:
    """Labels of the options that a final answer names: as its whole text, else by labels standing alone."""
    text = unicodedata.normalize("NFKC", text)
    whole = folded_text(text)
    by_label = {label for label in options if folded_text(label) == whole.strip("()[]{} ")}
    by_text = {label for label, option in options.items() if folded_text(option) == whole}
    if len(by_text) > 1:
        by_text = {label for label in by_text if options[label].strip(" .") == without_wrappers(text).strip(" .")}
    claimed = _NEGATED.sub(" ", _REASON.split(text, maxsplit=1)[0])
    return (
        by_label
        or by_text
        or _named(claimed, options)
        or _equal(text, options)
        or _contained(folded_text(claimed), options)
    )


def _named(text: str, options: dict[str, str]) -> set[str]:
    """Labels that stand alone; a label opening the text wins over letters in the option text that follows it."""
    bare = _LEADING_WORDS.sub("", without_wrappers(text).strip(" *_`$"))
    alternatives = "|".join(sorted(map(re.escape, options), key=len, reverse=True))
    opening = re.match(rf"[\[(]?({alternatives})(?:[\])]\s*[.:,]?|\s*[.:])\s*(\S.*)", bare, re.DOTALL)
    if opening and not _names_another(opening.group(2), options, label=opening.group(1)):
        return {opening.group(1)}
    words = _words_of(bare)
    standing = re.findall(rf"{_ALONE_BEFORE}[\[(]?({alternatives}){_ALONE_AFTER}", words)
    return {label for label in standing if label != "A" or not _is_article(words)}


def _names_another(text: str, options: dict[str, str], *, label: str) -> bool:
    """Whether the text behind a label goes on to another option, by its label or its text."""
    others = {other: option for other, option in options.items() if other != label}
    own = folded_text(options[label])
    if folded_text(text) == own:
        return False
    alternatives = "|".join(map(re.escape, others))
    by_label = bool(others) and re.search(
        rf"\b(?:or|and|maybe|possibly)\b\s*(?:option\s*)?[\[(]?(?:{alternatives})\b|^[\[(]?(?:{alternatives})[\])]?\s*$",
        text,
    )
    return bool(by_label) or folded_text(text) in {folded_text(option) for option in others.values()}


def _equal(text: str, options: dict[str, str]) -> set[str]:
    """The option whose value equals the answer's, where that is one option only."""
    found = {label for label, option in options.items() if _is_same_value(option, text)}
    return found if len(found) == 1 else set()


def _is_same_value(option: str, text: str) -> bool:
    try:
        return any(
            same_answer(one, other)
            for one in readings(option)
            for other in readings(text)
            if sum(1 for node in (one, other) for _ in walk(node)) <= LARGEST_COMPARED
        )
    except UnreadableError:
        return False


def _words_of(text: str) -> str:
    """The text without formulas, but with formulas that hold a single letter kept as that letter."""
    words = _FORMULA.sub(lambda match: _lone_letter(match.group()), text)
    return "" if _COMMAND.search(words) else words


def _lone_letter(formula: str) -> str:
    inner = formula.strip("$\\[]() ")
    return inner if re.fullmatch(r"[A-Za-z]", inner) else " … "


def _is_article(text: str) -> bool:
    """Whether `A` is only the article before a word, as in "A dry palm"."""
    return not re.search(r"(?<!\w)\(?A(?:\)|[.:,]|\s*$|\s+(?:or|and|is|because)\b|\s*/)", text)


def _contained(whole: str, options: dict[str, str]) -> set[str]:
    """Options in words whose whole text stands in the answer, leaving out those that are part of a longer one found."""
    found = {
        label: folded_text(option)
        for label, option in options.items()
        if _WORD.search(_COMMAND.sub(" ", option))
        and re.search(rf"(?<!\w){re.escape(folded_text(option))}(?!\w)", whole)
    }
    return {
        label
        for label, option in found.items()
        if not any(option in other and option != other for other in found.values())
    }


def _last_line(answer: str) -> str | None:
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    return lines[-1] if lines else None


def _judgement(verdict: Verdict, extracted: str | None, stage: str, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method=f"choice/{stage}", message=message, milliseconds=0.0
    )
