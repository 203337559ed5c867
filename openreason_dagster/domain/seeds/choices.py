"""The options of a multiple-choice question, whatever layout the source keeps them in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from openreason_dagster.domain.seeds.cell_text import UnusableRowError, shown, text_of


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options in the source's order, lettered from A."""

    texts: dict[str, str]
    """Letter to option text."""
    labels: dict[str, str] | None
    """The source's own label (upper case) to letter; None where the source only lists the options."""


def lettered_choices(value: object) -> Options:
    """Options of the three layouts: a list of texts, a mapping of label to text, or `{text: […], label: […]}`.

    A text that holds one of these as JSON is read as such, which is how CSV files carry them. A null entry of a
    mapping is no option: Parquet gives every row the labels of all rows.

    Raises:
        UnusableRowError: with reason `bad_choices`; another layout, fewer than 2 or more than 26 options, a blank
            option, a repeated label.
    """
    value = _parsed(value)
    if isinstance(value, Mapping) and set(value) == {"text", "label"}:
        texts, labels = _listed(value["text"]), _listed(value["label"])
    elif isinstance(value, Mapping):
        present = {str(label): text for label, text in value.items() if text is not None}
        texts, labels = _listed(list(present.values())), list(present)
    else:
        texts, labels = _listed(value), None
    if not 2 <= len(texts) <= len(ascii_uppercase):
        raise _bad_choices(f"found {len(texts)} options, expected 2 to {len(ascii_uppercase)}")
    letters = dict(zip(ascii_uppercase, texts, strict=False))
    return Options(texts=letters, labels=_letter_of_label(labels, len(texts)))


def choice_of_answer(options: Options, answer: str) -> str:
    """The letter that `answer` names.

    A source with labels names one of them, or an option's whole text. A source that only lists options names a
    letter, an option's whole text or a 0-based position; an answer that these read differently is refused.

    Raises:
        UnusableRowError: with reason `bad_choices`; the answer names no option, or more than one.
    """
    wanted = answer.strip()
    labelled = (options.labels or {}).get(wanted.upper())
    if labelled is not None:
        return labelled
    letters = {letter for letter, text in options.texts.items() if text.strip() == wanted}
    if options.labels is None:
        letters |= {wanted.upper()} & set(options.texts)
        letters |= {letter for position, letter in enumerate(options.texts) if wanted == str(position)}
    if len(letters) != 1:
        found = " and ".join(sorted(letters)) or "no option"
        raise _bad_choices(f"answer {shown(answer)} names {found}, expected exactly one option")
    return letters.pop()


def with_options(prompt: str, choices: Mapping[str, str]) -> str:
    """The question followed by its lettered options, one a line."""
    lines = "\n".join(f"{letter}. {text}" for letter, text in choices.items())
    return f"{prompt}\n\n{lines}"


def _parsed(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        parsed: object = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _bad_choices(f"found text {shown(value)}, expected a list or mapping in JSON") from error
    return parsed


def _listed(value: object) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise _bad_choices(f"found {type(value).__name__}, expected a list, a mapping or {{text: […], label: […]}}")
    texts = [text for text in map(text_of, value) if text is not None]
    if len(texts) != len(value):
        raise _bad_choices(f"found {len(value) - len(texts)} options that are blank or no text")
    return texts


def _letter_of_label(labels: list[str] | None, count: int) -> dict[str, str] | None:
    if labels is None:
        return None
    letters = {label.strip().upper(): letter for label, letter in zip(labels, ascii_uppercase, strict=False)}
    if len(labels) != count or len(letters) != count:
        raise _bad_choices(f"found {len(letters)} distinct labels for {count} options")
    return letters


def _bad_choices(detail: str) -> UnusableRowError:
    return UnusableRowError("bad_choices", detail)
