"""IFEval's 25 kinds of constraints by name, and reading a specification made of them.

A specification is `{"instruction_id_list": […], "kwargs": […]}`, as published with the prompts: the n-th entry of
`kwargs` has the arguments of the n-th constraint. Arguments that are null are left out, as tables store them, and the
prefix `en:` of a name is allowed. A kind may occur more than once.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from openreason_dagster.domain.verification.constraints.constraint import Constraint
from openreason_dagster.domain.verification.constraints.formats import (
    ConstrainedResponse,
    JsonFormat,
    MultipleSections,
    NumberBulletLists,
    NumberHighlightedSections,
    NumberPlaceholders,
    Postscript,
    Title,
)
from openreason_dagster.domain.verification.constraints.keywords import (
    ForbiddenWords,
    KeywordFrequency,
    KeywordsExist,
    LetterFrequency,
)
from openreason_dagster.domain.verification.constraints.language import ResponseLanguage
from openreason_dagster.domain.verification.constraints.length import (
    NthParagraphFirstWord,
    NumberParagraphs,
    NumberSentences,
    NumberWords,
)
from openreason_dagster.domain.verification.constraints.letter_case import (
    CapitalWordFrequency,
    EnglishCapital,
    EnglishLowercase,
)
from openreason_dagster.domain.verification.constraints.wrapping import (
    EndChecker,
    NoComma,
    Quotation,
    RepeatPrompt,
    TwoResponses,
)

CONSTRAINTS: Mapping[str, type[Constraint]] = {
    "change_case:capital_word_frequency": CapitalWordFrequency,
    "change_case:english_capital": EnglishCapital,
    "change_case:english_lowercase": EnglishLowercase,
    "combination:repeat_prompt": RepeatPrompt,
    "combination:two_responses": TwoResponses,
    "detectable_content:number_placeholders": NumberPlaceholders,
    "detectable_content:postscript": Postscript,
    "detectable_format:constrained_response": ConstrainedResponse,
    "detectable_format:json_format": JsonFormat,
    "detectable_format:multiple_sections": MultipleSections,
    "detectable_format:number_bullet_lists": NumberBulletLists,
    "detectable_format:number_highlighted_sections": NumberHighlightedSections,
    "detectable_format:title": Title,
    "keywords:existence": KeywordsExist,
    "keywords:forbidden_words": ForbiddenWords,
    "keywords:frequency": KeywordFrequency,
    "keywords:letter_frequency": LetterFrequency,
    "language:response_language": ResponseLanguage,
    "length_constraints:nth_paragraph_first_word": NthParagraphFirstWord,
    "length_constraints:number_paragraphs": NumberParagraphs,
    "length_constraints:number_sentences": NumberSentences,
    "length_constraints:number_words": NumberWords,
    "punctuation:no_comma": NoComma,
    "startend:end_checker": EndChecker,
    "startend:quotation": Quotation,
}
MOST_CONSTRAINTS = 50


class NamedConstraint(NamedTuple):
    """A constraint and its name in the vocabulary, without language prefix."""

    name: str
    constraint: Constraint


class MalformedSpecificationError(ValueError):
    """A specification that cannot be checked; says which part of it, what was found and what is expected."""


def parse_specification(specification: Mapping[str, object]) -> list[NamedConstraint]:
    """The constraints of a specification, in its order.

    Raises:
        MalformedSpecificationError: a part is missing or malformed, or a kind or argument is unknown.
    """
    names, arguments = (_list(specification, key) for key in ("instruction_id_list", "kwargs"))
    if len(names) != len(arguments) or not 1 <= len(names) <= MOST_CONSTRAINTS:
        raise MalformedSpecificationError(
            f"found {len(names)} entries in `instruction_id_list` and {len(arguments)} in `kwargs`, expected as many "
            f"in one as in the other, 1 to {MOST_CONSTRAINTS}"
        )
    return [_constraint(number, *pair) for number, pair in enumerate(zip(names, arguments, strict=True), start=1)]


def _list(specification: Mapping[str, object], key: str) -> list[object]:
    value = specification.get(key)
    if not isinstance(value, list):
        raise MalformedSpecificationError(f"`{key}`: found {_shown(value)}, expected a list")
    return value


def _constraint(number: int, name: object, arguments: object) -> NamedConstraint:
    bare = name.strip().removeprefix("en:") if isinstance(name, str) else ""
    where = f"constraint {number}"
    if bare not in CONSTRAINTS:
        raise MalformedSpecificationError(
            f"{where}: found kind {_shown(name)}, expected one of {', '.join(CONSTRAINTS)}"
        )
    if not isinstance(arguments, dict | None):
        raise MalformedSpecificationError(f"{where}, {bare}: found arguments {_shown(arguments)}, expected an object")
    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    try:
        return NamedConstraint(bare, CONSTRAINTS[bare].model_validate(given))
    except ValidationError as error:
        raise MalformedSpecificationError(f"{where}, {bare}: {_explained(error)}") from error


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"argument `{place}` is missing"
    message = first["msg"].removeprefix("Value error, ")
    return f"argument `{place}`: found {_shown(first['input'])}; {message}" if place else message


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
