"""Which mapped columns a verifier needs, and which are no use to it."""

from collections.abc import Collection, Mapping

from openreason_dagster.domain.records import VerifierKind

COLUMNS_OF_VERIFIERS: Mapping[str, VerifierKind] = {
    "choices": "choice",
    "constraints": "instruction",
    "arguments": "instruction",
}
"""Columns that one verifier needs and no other uses."""


def require_fitting_columns(verifier: VerifierKind, mapped: Collection[str]) -> None:
    """Refuse a verifier of table sources that lacks one of its columns, or a column that it does not use.

    Raises:
        ValueError: saying which column and what to do.
    """
    if verifier == "procedural":
        raise ValueError(
            "verifier `procedural` belongs to sources of kind procedural; use math, choice, exact or instruction"
        )
    if verifier != "instruction" and "answer" not in mapped:
        raise ValueError(
            f"verifier `{verifier}` needs `columns.answer`: a prompt without a reference cannot be verified"
        )
    if verifier == "instruction" and "answer" in mapped:
        raise ValueError("`columns.answer` is not used by verifier `instruction`: constraints have no reference answer")
    for column, user in COLUMNS_OF_VERIFIERS.items():
        if verifier == user and column not in mapped:
            raise ValueError(f"verifier `{verifier}` needs `columns.{column}`")
        if verifier != user and column in mapped:
            raise ValueError(f"`columns.{column}` is not used by verifier `{verifier}`; use `{user}` or remove it")
