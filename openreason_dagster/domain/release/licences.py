"""Licences as SPDX expressions: which of them a list of identifiers allows.

Expressions are those of the SPDX specification 2.3, annex D, without parentheses: identifiers joined by `OR`, of which
one has to be allowed, and `AND`, of which all have to be; `WITH` and its exception belong to the identifier before it.
"""

import re
from collections.abc import Collection

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(?: WITH [A-Za-z0-9][A-Za-z0-9.+-]*)?")


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Whether the licence, an SPDX expression, is one of the allowed identifiers in any case of letters."""
    known = {identifier.casefold() for identifier in allowed}
    choices = re.split(r"\s+OR\s+", expression.strip())
    return any(all(part.casefold() in known for part in re.split(r"\s+AND\s+", choice)) for choice in choices)


def require_identifiers(licenses: list[str]) -> list[str]:
    """The list itself if each entry is written like an SPDX identifier; ValueError otherwise."""
    for identifier in licenses:
        if not _IDENTIFIER.fullmatch(identifier):
            raise ValueError(f"{identifier!r} is not an SPDX identifier such as `Apache-2.0`; see spdx.org/licenses")
    return licenses
