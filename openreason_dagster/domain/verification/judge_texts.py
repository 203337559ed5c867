"""What every question to a judge model shares: hostile texts between marked lines, and a reply that ends with the mark.

A text under judgement stands between lines with a mark that its author could not know, because it depends on all texts
of the question. What chat templates would take for their own tags is spaced out, and a reply counts only if its last
line is an object that repeats the mark.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.domain.named_texts import read_named_template
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.records import Message

_FOLDER = Path(__file__).parent / "judge_questions"
_MARK_DIGITS = 12
_LONGEST_ANALYSIS = 1_000
_TEMPLATE_TAG = re.compile(r"<(?=[|｜/a-zA-Z])|\[(?=/?[a-z]?[A-Z_]{3,}\])")
"""Where a tag of a chat template may begin, e.g. `<|im_end|>`, `</s>`, `[/INST]`, `[SYSTEM_PROMPT]`, `[gMASK]`."""
_OBJECT = re.compile(r"\{[^{}]*\}")
_FENCE = re.compile(r"\s*```\s*$")
_Found = TypeVar("_Found")


def mark_of(subject_id: str, part: str) -> str:
    """The mark of one question about a subject, 12 hexadecimal digits."""
    return stable_hash([subject_id, part])[:_MARK_DIGITS]


def delimited(name: str, text: str, mark: str) -> str:
    """The text between lines that carry its name and the mark."""
    shown = _TEMPLATE_TAG.sub(lambda match: f"{match[0]} ", text)
    return f"--- {name} {mark} begins ---\n{shown}\n--- {name} {mark} ends ---"


def judge_template(name: str, *, key: str, recipe_folder: Path) -> str:
    """What a judge is asked with: a shipped question by its name, or a file by its path from the recipe's folder.

    `key` is the recipe's, for messages. Where the text says what its last line has to be, it says so with `{mark}`.

    Raises:
        RecipeError: there is no such file, it cannot be read, or it lacks `{mark}` or `{texts}`.
    """
    return read_named_template(
        name, shipped=_FOLDER, key=key, recipe_folder=recipe_folder, placeholders=("mark", "texts")
    )


def template_version(template: str) -> str:
    """Part of a version that changes with the template's text, 8 hexadecimal digits."""
    return stable_hash(template)[:8]


def judge_question(
    subject_id: str, part: str, texts: Mapping[str, str], *, template: str, attempt: int, reminder: str
) -> Question:
    """What a judge is asked in one part; attempts count from 1, and further ones remind of the form.

    Args:
        subject_id: Identity of what is judged.
        part: Which of the questions about it.
        texts: What is put before the judge, by name, in this order.
        template: A text as of `judge_template`.
        attempt: From 1.
        reminder: Name of the shipped reminder.
    """
    further = reminder if attempt > 1 else None
    asked = asked_with(template, mark_of(subject_id, part), texts, reminder=further)
    return Question(subject_id=subject_id, part=part, messages=(Message(role="user", content=asked),), attempt=attempt)


def asked_with(template: str, mark: str, texts: Mapping[str, str], *, reminder: str | None = None) -> str:
    """The template with its texts in their order, and the shipped reminder of that name after it."""
    shown = "\n\n".join(delimited(name, text, mark) for name, text in texts.items())
    asked = template.replace("{mark}", mark).replace("{texts}", shown)
    return (asked if reminder is None else f"{asked}\n{_reminder(reminder)}").strip()


def finding_in(
    reply: Reply, subject_id: str, part: str, read: Callable[[Mapping[str, object]], _Found | None]
) -> _Found | None:
    """`last_finding` of a reply to that question; what ends a reply that was cut may be a thought on the way."""
    return None if reply.was_cut else last_finding(reply.text, mark_of(subject_id, part), read)


def last_finding(text: str, mark: str, read: Callable[[Mapping[str, object]], _Found | None]) -> _Found | None:
    """What `read` makes of the JSON object with the mark that the text ends with; None where there is none.

    Another object with the mark before it that reads otherwise makes the reply unreadable, and so does what comes
    after, a closing fence aside.
    """
    bare = _FENCE.sub("", text).rstrip()
    objects = [found for match in _OBJECT.findall(bare) if (found := _marked(match, mark, read)) is not None]
    ends_with_it = bare.endswith("}") and _marked(bare[bare.rfind("{") :], mark, read) is not None
    return objects[0] if ends_with_it and all(found == objects[0] for found in objects) else None


def clipped(text: str) -> str:
    """The stripped text, of a long one its end."""
    clean = text.strip()
    return clean if len(clean) <= _LONGEST_ANALYSIS else f"…{clean[-_LONGEST_ANALYSIS:]}"


def _marked(text: str, mark: str, read: Callable[[Mapping[str, object]], _Found | None]) -> _Found | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read(found) if isinstance(found, dict) and found.get("id") == mark else None


@cache
def _reminder(name: str) -> str:
    return (_FOLDER / "reminders" / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")
