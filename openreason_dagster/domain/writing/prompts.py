"""From a template file to the messages that a writer is asked with."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.named_texts import read_named_template, read_named_text
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.records import Message

_FOLDER = Path(__file__).parent / "templates"
_EXAMPLE_KEYS = ("language", "question", "reasoning", "rewritten")


@dataclass(frozen=True, kw_only=True)
class Example:
    """A reasoning as it was sampled, and as it should be rewritten."""

    language: str
    question: str
    reasoning: str
    rewritten: str


def read_writer_template(name: str, *, key: str, recipe_folder: Path, placeholders: Collection[str]) -> str:
    """Text of a template: a shipped one by its stem, or a file by its path relative to the recipe's folder.

    Args:
        name: Stem or path.
        key: Recipe key that names it, for messages.
        recipe_folder: Where paths start.
        placeholders: Names that have to stand in it in braces.

    Raises:
        RecipeError: there is no such file, it cannot be read, or it lacks a placeholder.
    """
    return read_named_template(name, shipped=_FOLDER, key=key, recipe_folder=recipe_folder, placeholders=placeholders)


def read_examples(name: str | None, *, key: str, recipe_folder: Path) -> tuple[Example, ...]:
    """Examples of a JSONL file, named as a template is; none for None.

    Raises:
        RecipeError: there is no such file, or a line is no object with the four texts.
    """
    if name is None:
        return ()
    lines = read_named_text(name, ".jsonl", shipped=_FOLDER, key=key, recipe_folder=recipe_folder).splitlines()
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
        except ValueError as error:
            raise RecipeError(f"recipe key `{key}`: {name!r}, line {number}: is not valid JSON ({error}).") from error
        stated = values if isinstance(values, dict) else {}
        texts = {field: text for field in _EXAMPLE_KEYS if isinstance(text := stated.get(field), str)}
        if len(texts) < len(_EXAMPLE_KEYS):
            raise RecipeError(
                f"recipe key `{key}`: {name!r}, line {number}: expected an object with the texts "
                f"{', '.join(_EXAMPLE_KEYS)}. Correct that line."
            )
        found.append(Example(**texts))
    return tuple(found)


def boundary(subject_id: str) -> str:
    """A word for one question, which whoever wrote the material between its lines cannot have known."""
    return stable_hash(["boundary", subject_id])[:8]


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{name}` of `values` replaced once; braces within the values have no meaning."""
    pattern = re.compile("|".join(re.escape(f"{{{name}}}") for name in values))
    return pattern.sub(lambda match: values[match.group()[1:-1]], template)


def conversation(turns: Sequence[tuple[str, str]], question: str) -> tuple[Message, ...]:
    """Earlier turns (what was asked, what was replied), then the question."""
    earlier = [
        message
        for asked, replied in turns
        for message in (Message(role="user", content=asked), Message(role="assistant", content=replied))
    ]
    return (*earlier, Message(role="user", content=question))
