"""The part of a recipe that says which column of a source holds what, and how its reference answers are compared."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.records import VerifierKind
from openreason_dagster.domain.yaml_model import YamlModel


class Columns(YamlModel):
    """Which column of a file holds what. Only `prompt` is needed by every verifier.

    `messages[user]` is the first user turn of the conversations in the column `messages`.
    """

    prompt: str
    answer: str | None = None
    solution: str | None = None
    id: str | None = None
    choices: str | None = None
    """Column with the options of a multiple-choice question: a list, a mapping, or `{text: […], label: […]}`."""
    aliases: str | None = None
    """Column with a list of further texts that are right as well, for verifier `exact`."""
    unit: str | None = None
    """Column with the unit of the answer, for verifier `numeric`."""


class AnswerExtraction(YamlModel):
    """How the reference answer is taken out of the answer column."""

    rule: Literal["whole", "after_marker", "last_boxed"] = "whole"
    marker: str | None = None

    @model_validator(mode="after")
    def _marker_fits_rule(self) -> Self:
        if (self.rule == "after_marker") != (self.marker is not None):
            raise ValueError("`marker` is needed by the rule after_marker and by no other")
        return self


class Tolerance(YamlModel):
    """How far a measured number may be from the reference: the larger of the two counts."""

    relative: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Share of the reference."""
    absolute: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """In the unit of the reference."""


_COLUMN_VERIFIERS: dict[str, VerifierKind] = {"choices": "choice", "aliases": "exact", "unit": "numeric"}


def require_columns_fit(columns: Columns, verifier: VerifierKind) -> None:
    """Refuse columns that the verifier does not use, or lacks.

    Raises:
        ValueError: naming the column and the verifier that it belongs to.
    """
    if columns.answer is None:
        raise ValueError(
            f"verifier `{verifier}` needs `columns.answer`: a prompt without a reference cannot be verified"
        )
    if verifier == "choice" and columns.choices is None:
        raise ValueError("verifier `choice` needs `columns.choices`")
    for column, owner in _COLUMN_VERIFIERS.items():
        if getattr(columns, column) is not None and verifier != owner:
            raise ValueError(f"`columns.{column}` is not used by verifier `{verifier}`; use `{owner}` or remove it")
