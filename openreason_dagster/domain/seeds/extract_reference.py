"""The reference answer inside a source's answer column."""

from openreason_dagster.domain.recipe_columns import AnswerExtraction

BOXED = "\\boxed{"


def extract_reference(text: str, extraction: AnswerExtraction) -> str | None:
    r"""The answer that `extraction` finds in `text`, without surrounding white space; None where it finds none.

    `whole` takes the text, `after_marker` what follows the last marker, `last_boxed` the content of the last
    `\boxed{…}` that closes.
    """
    if extraction.rule == "whole":
        answer: str | None = text
    elif extraction.rule == "after_marker":
        _, found, rest = text.rpartition(extraction.marker or "")
        answer = rest if found else None
    else:
        answer = _last_boxed(text)
    return (answer or "").strip() or None


def _last_boxed(text: str) -> str | None:
    end = len(text)
    while (start := text.rfind(BOXED, 0, end)) >= 0:
        content = _until_closing_brace(text, start + len(BOXED), end)
        if content is not None:
            return content
        end = start
    return None


def _until_closing_brace(text: str, start: int, end: int) -> str | None:
    r"""Text from `start` to the brace before `end` that closes the group around it; `\{` and `\}` are no group braces.

    A box that does not close by the end of the text leaves no closing brace to those around it, so that each part of
    the text is looked at once.
    """
    depth, position = 1, start
    while position < end:
        character = text[position]
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return text[start:position]
        position += 2 if character == "\\" else 1
    return None
