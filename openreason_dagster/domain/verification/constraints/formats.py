"""Constraints on form: JSON, lists, sections, highlights, titles, fixed answers."""

import json
import re

from openreason_dagster.domain.verification.constraints.constraint import (
    Amount,
    Constraint,
    Count,
    Held,
    Least,
    Limits,
    Phrase,
)

_FENCED = re.compile(r"```[ \t]*(?:json)?[ \t]*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
_LIST_ITEM = re.compile(r"^([ \t]*+)([*+-])[ \t]++(?=\S)(?!(?:\2[ \t]*+)*$)", re.MULTILINE)
_HIGHLIGHT = re.compile(r"(?<![*A-Za-z0-9\\])(\*{1,3})(?![\s*])[^*\n]++(?<!\s)\1(?!\*)")
_TITLE = re.compile(r"<<([^<>\n]+)>>")
_BRACKETS = re.compile(r"\[([^\[\]\n]+)\](?!\()")
_NAMED = re.compile(r"[^\W\d_]")
_LETTER = re.compile(r"[^\W_]")
_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


class JsonFormat(Constraint):
    """The whole response is one JSON object or array, which may stand in a fenced block.

    A bare word, number or quoted text is no JSON document to anyone who asks for JSON.
    """

    def holds(self, response: str) -> Held:
        """Duplicate keys are let pass; `NaN` and `Infinity` are no JSON."""
        text = response.strip()
        fenced = _FENCED.fullmatch(text)
        try:
            value = json.loads(
                fenced.group(1) if fenced else text, parse_int=str, parse_float=str, parse_constant=_refuse
            )
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict | list)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class NumberBulletLists(Constraint):
    """Exactly so many Markdown bullets (`*`, `-` or `+`, a blank, and text)."""

    num_bullets: Amount

    @property
    def limits(self) -> Limits:
        """See `Constraint`."""
        return Limits(counted="bullets", least=self.num_bullets, most=self.num_bullets)

    def holds(self, response: str) -> Held:
        """Rules (`---`, `* * *`) are no bullets; whether bullets below other bullets count is unclear."""
        depths = [len(item.group(1).expandtabs(4)) for item in _LIST_ITEM.finditer(response)]
        shallowest = min(depths, default=0)
        outermost = sum(depth <= shallowest + 1 for depth in depths)
        return Count(outermost, len(depths)).exactly(self.num_bullets)


class NumberHighlightedSections(Constraint):
    """At least so many passages highlighted in Markdown: `*one line*`, `**one line**` or `***one line***`."""

    num_highlights: Amount

    def holds(self, response: str) -> Held:
        """As Markdown renders it: no blank inside the asterisks at either end, so bullets and products are none."""
        highlights = sum(_LETTER.search(match.group()) is not None for match in _HIGHLIGHT.finditer(response))
        return highlights >= self.num_highlights


class MultipleSections(Constraint):
    """At least so many sections, each begun by the keyword and a number."""

    section_spliter: Phrase
    num_sections: Amount

    def holds(self, response: str) -> Held:
        """The keyword begins a line, as written; marks before it do not matter, and each number counts once.

        Numbers are digits or Roman numerals. A mention of `Section 2` inside a line begins no section.
        """
        keyword = r"\s+".join(map(re.escape, self.section_spliter.split()))
        heading = rf"^[^\w\n]*?{keyword}[ \t]*+#?(\d+|[IVXLC]+\b)"
        labels = set(re.findall(heading, response, re.MULTILINE))
        return len(labels) >= self.num_sections


class Title(Constraint):
    """A title in double angular brackets."""

    def holds(self, response: str) -> Held:
        """The title has a letter or digit and stands on one line."""
        return any(_LETTER.search(title) for title in _TITLE.findall(response))


class ConstrainedResponse(Constraint):
    """One of three fixed answers."""

    def holds(self, response: str) -> Held:
        """Exactly one of the three occurs; words around it are not forbidden, a second answer is a hedge."""
        return sum(option in response for option in _OPTIONS) == 1


class NumberPlaceholders(Constraint):
    """At least so many placeholders such as `[address]`."""

    num_placeholders: Least

    def holds(self, response: str) -> Held:
        """Links, boxes to tick and empty brackets are none; brackets around a number alone are unclear."""
        texts = _BRACKETS.findall(response)
        named = sum(_NAMED.search(text) is not None and text.strip().lower() != "x" for text in texts)
        numbered = sum(text.strip().isdigit() for text in texts)
        return Count(named, named + numbered).at_least(self.num_placeholders)


class Postscript(Constraint):
    """A postscript after the text, begun by the marker."""

    postscript_marker: Phrase

    @property
    def required_texts(self) -> tuple[str, ...]:
        """See `Constraint`."""
        return (self.postscript_marker,)

    def holds(self, response: str) -> Held:
        """Text stands before the marker and after it; letter case and blanks within the marker do not matter."""
        letters = re.escape(self.postscript_marker.strip()).replace(r"\.", r"\.[^\S\n]?").removesuffix(r"[^\S\n]?")
        marker = re.search(rf"(?<![\w.]){letters}(?!\w)", response, re.IGNORECASE)
        if marker is None:
            return False
        return all(_LETTER.search(part) for part in (response[: marker.start()], response[marker.end() :]))
