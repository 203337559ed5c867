"""Text of models on a terminal: a control character could move the cursor, hide lines or change the window's title."""

import re

from rich.markup import escape

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    r"""The text with every control character (C0, DEL, C1) but newline and tab shown as an escape such as `\x1b`."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def plain(value: object) -> str:
    """A value as rich prints it without reading markup or control characters into it."""
    return escape(printable(str(value)))
