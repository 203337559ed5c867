"""What a cell of a source's table says, as text."""

import math


class UnusableRowError(Exception):
    """Why one row cannot become a seed prompt; caught where the row is set aside."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def text_of(value: object) -> str | None:
    """A cell as text: numbers in their shortest form, None for null, NaN, blank text, lists and mappings.

    Raises:
        UnusableRowError: the text cannot be stored as UTF-8.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _float_text(value) if math.isfinite(value) else None
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnusableRowError("bad_text", f"not valid Unicode: {error}") from error
    return value


def shown(value: object) -> str:
    """The beginning of a value as it stands in a message."""
    text = ascii(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def _float_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
