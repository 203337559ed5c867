"""The final answer of a text as mathematics: what is marked as such, or what alone can be meant."""

import re

from openreason_dagster.domain.verification.extraction import (
    explicit_answer,
    last_value,
    whole_answer,
    without_reason,
)
from openreason_dagster.domain.verification.formulas.reader import readings
from openreason_dagster.domain.verification.formulas.tree import Node, Words, walk
from openreason_dagster.domain.verification.symbolic_text import fitness

LONGEST_BARE = 300
"""Characters of a text that may be an answer and nothing else."""
_WORD = re.compile(r"(?<![\\a-zA-Z{])[a-zA-Z]{3,}(?=[\s.,:]|$)|\\text\{[^{}]*[a-zA-Z]{3,}")
_HEDGE = re.compile(r"\b(?:or|out of|either|maybe|perhaps|not|n't|between|versus|vs|and|neither|nor|unless)\b|,\s")
_LEADING_NUMBER = re.compile(r"\s*\$?([-+]?[\d,]*\.?\d+)\s+[a-zA-Z]{2,}")
_ANSWER_VERB = re.compile(r"\b(?:is|are|equals|costs|be)\s+(?:about |approximately |exactly )?")


def final_answer(answer: str) -> str | None:
    """What the text marks as its answer; the text itself where it is only a formula or program; else its last value."""
    explicit = explicit_answer(answer)
    if explicit is not None:
        return without_reason(explicit)
    whole = whole_answer(answer)
    is_program = len(whole) <= LONGEST_BARE and fitness(whole)[0] == "program"
    return whole if is_program or _is_nothing_else(whole) else last_value(whole)


def _is_nothing_else(text: str) -> bool:
    return (
        len(text) <= LONGEST_BARE
        and "\n" not in text
        and any(not any(isinstance(part, Words) for part in walk(node)) for node in readings(text))
    )


def core_readings(extracted: str) -> tuple[Node, ...]:
    """How to read the value in a sentence such as "the largest is 34"; nothing where it names several."""
    sentence = _ANSWER_VERB.split(extracted)[-1] if _ANSWER_VERB.search(extracted) else extracted
    is_sentence = _WORD.search(extracted) and fitness(extracted)[0] == "fit"
    if not is_sentence or _HEDGE.search(extracted) or len(extracted) > LONGEST_BARE:
        return ()
    leading = _LEADING_NUMBER.match(sentence)
    core = leading[1] if leading else last_value(sentence)
    return readings(core) if core else ()
