"""The table of verifiers: for each kind its version, its judging function, and what may be decided without a worker."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification import (
    choice,
    code,
    exact,
    instruction,
    judged,
    math,
    numeric,
    procedural,
)

Specification = Mapping[str, object]
Judge = Callable[[str, Specification, str], Judgement]
DirectJudge = Callable[[str, Specification, str], Judgement | None]
Audit = Callable[[Specification], Judgement]


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """How one kind of answer is judged.

    ``judge`` may hang or exhaust memory on a hostile answer and runs only in a worker process. ``judge_directly``
    decides what takes bounded time and parses nothing symbolically, and returns None for the rest. ``prepare`` loads
    what ``judge`` needs. ``present`` writes a reference as a model would answer with it. ``audit`` belongs to kinds
    that need no reference: it judges a specification alone, `correct` where some answer could be.
    """

    version: str
    judge: Judge
    judge_directly: DirectJudge
    prepare: Callable[[], None]
    present: Callable[[str], str]
    audit: Audit | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One answer to judge against one reference; equal comparisons have equal verdicts."""

    kind: str
    reference: str
    """Empty where the prompt has none."""
    spec_json: str
    """JSON object with options of the kind."""
    answer: str
    """What follows the think block."""


VERIFIERS: dict[str, Verifier] = {
    "math": Verifier(
        version=f"math-2+math-verify-{version('math-verify')}",
        judge=math.judge,
        judge_directly=math.judge_directly,
        prepare=math.prepare,
        present=math.present,
    ),
    "choice": Verifier(
        version="choice-2",
        judge=choice.judge,
        judge_directly=choice.judge,
        prepare=lambda: None,
        present=choice.present,
    ),
    "exact": Verifier(
        version="exact-2", judge=exact.judge, judge_directly=exact.judge, prepare=lambda: None, present=exact.present
    ),
    "numeric": Verifier(
        version="numeric-2",
        judge=numeric.judge,
        judge_directly=numeric.judge,
        prepare=lambda: None,
        present=numeric.present,
    ),
    "procedural": Verifier(
        version=f"procedural-2+reasoning-gym-{version('reasoning-gym')}",
        judge=procedural.judge,
        judge_directly=procedural.judge_directly,
        prepare=procedural.prepare,
        present=procedural.present,
    ),
    "instruction": Verifier(
        version="instruction-1",
        judge=instruction.judge,
        judge_directly=instruction.judge_directly,
        prepare=instruction.prepare,
        present=instruction.present,
        audit=instruction.audit,
    ),
    "code": Verifier(
        version="code-1",
        judge=code.judge_without_sandbox,
        judge_directly=code.judge_directly,
        prepare=lambda: None,
        present=code.present,
        audit=code.audit,
    ),
    "judge": Verifier(
        version=judged.VERSION,
        judge=judged.judge,
        judge_directly=judged.judge,
        prepare=lambda: None,
        present=judged.present,
    ),
}
VERIFIER_VERSIONS: dict[str, str] = {kind: entry.version for kind, entry in VERIFIERS.items()}
KINDS_WITHOUT_REFERENCE = frozenset(kind for kind, entry in VERIFIERS.items() if entry.audit is not None)
"""Kinds whose prompts need no reference answer."""


def verifier(kind: str) -> Verifier:
    """The verifier of that kind.

    Raises:
        VerificationError: there is none.
    """
    if kind not in VERIFIERS:
        known = ", ".join(VERIFIERS)
        raise VerificationError(f"unknown verifier kind {kind!r}; expected one of {known}: correct the source's recipe")
    return VERIFIERS[kind]


def judge(comparison: Comparison) -> Judgement:
    """Judge completely; call this in a worker process only.

    Raises:
        VerificationError: the kind is unknown.
    """
    entry = verifier(comparison.kind)
    specification = _specification(comparison.spec_json)
    if specification is None:
        return _bad_specification(comparison.kind, comparison.spec_json)
    return entry.judge(comparison.reference, specification, comparison.answer)


def judge_directly(comparison: Comparison) -> Judgement | None:
    """Judge where that is cheap and safe in this process; None where a worker is needed.

    Raises:
        VerificationError: the kind is unknown.
    """
    entry = verifier(comparison.kind)
    specification = _specification(comparison.spec_json)
    if specification is None:
        return _bad_specification(comparison.kind, comparison.spec_json)
    return entry.judge_directly(comparison.reference, specification, comparison.answer)


def audit_specification(kind: str, spec_json: str) -> Judgement | None:
    """Judge a prompt of that kind that has no reference answer; None where the kind needs one.

    Raises:
        VerificationError: the kind is unknown.
    """
    audit = verifier(kind).audit
    if audit is None:
        return None
    specification = _specification(spec_json)
    return audit(specification) if specification is not None else _bad_specification(kind, spec_json)


def _specification(spec_json: str) -> Specification | None:
    try:
        value = json.loads(spec_json)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _bad_specification(kind: str, spec_json: str) -> Judgement:
    return Judgement(
        verdict=Verdict.BAD_REFERENCE,
        extracted_answer=None,
        method=f"{kind}/specification",
        message=f"the verifier specification is not a JSON object: {spec_json[:100]!r}",
        milliseconds=0.0,
    )
