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
    topic: str | None = None
    """Column with what a prompt is about, in a word or a few; cells without text leave it open."""
    choices: str | None = None
    """Column with the options of a multiple-choice question: a list, a mapping, or `{text: […], label: […]}`."""
    aliases: str | None = None
    """Column with a list of further texts that are right as well, for verifier `exact`."""
    unit: str | None = None
    """Column with the unit of the answer, for verifier `numeric`."""
    constraints: str | None = None
    """Column with the names of IFEval's constraints, mostly `instruction_id_list`: a list, or one as JSON text."""
    arguments: str | None = None
    """Column with the arguments of these constraints, mostly `kwargs`: a list of mappings, or one as JSON text."""


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


_NEEDED: dict[str, VerifierKind] = {"choices": "choice", "constraints": "instruction", "arguments": "instruction"}
"""Columns that one verifier needs and no other uses."""
_USED: dict[str, VerifierKind] = {"aliases": "exact", "unit": "numeric"}
"""Columns that one verifier can use and no other."""


def require_fitting_columns(columns: Columns, verifier: VerifierKind) -> None:
    """Refuse a verifier of table sources that lacks one of its columns, or a column that it does not use.

    Raises:
        ValueError: saying which column and what to do.
    """
    mapped = columns.model_dump(exclude_none=True)
    _require_answer(verifier, is_mapped="answer" in mapped)
    for column, user in _NEEDED.items():
        if verifier == user and column not in mapped:
            raise ValueError(f"verifier `{verifier}` needs `columns.{column}`")
    for column, user in (_NEEDED | _USED).items():
        if verifier != user and column in mapped:
            raise ValueError(f"`columns.{column}` is not used by verifier `{verifier}`; use `{user}` or remove it")


def _require_answer(verifier: VerifierKind, *, is_mapped: bool) -> None:
    if verifier == "procedural":
        raise ValueError(
            "verifier `procedural` belongs to sources of kind procedural; use math, choice, exact, numeric, "
            "instruction, code or judge"
        )
    if verifier == "instruction" and is_mapped:
        raise ValueError("`columns.answer` is not used by verifier `instruction`: constraints have no reference answer")
    if verifier not in {"instruction", "code"} and not is_mapped:
        raise ValueError(
            f"verifier `{verifier}` needs `columns.answer`: a prompt without a reference cannot be verified"
        )
