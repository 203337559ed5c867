"""Verifier kind `procedural`: answers to generated problems of the `reasoning-gym` package.

The specification holds `{"task": name, "entry": {"metadata": {…}}}`; the reference is the entry's answer.
`procedural_tasks` says which tasks are compared, judged by a rule, or scored by the package.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.extraction import explicit_answer
from openreason_dagster.domain.verification.normalisation import without_wrappers
from openreason_dagster.domain.verification.procedural_rules import RULES
from openreason_dagster.domain.verification.procedural_tasks import FORMS, SCORED_TASKS, require_safe_task
from openreason_dagster.domain.verification.quantities import parse_quantity

_FULL_SCORE = 1.0
_RULE_MESSAGES = {
    True: "the answer is right by the task's rule",
    False: "the answer is not right by the task's rule",
    None: "whether the answer is right cannot be told",
}


def present(reference: str) -> str:
    """The reference as a model would answer with it."""
    return f"<answer>{reference}</answer>"


def prepare() -> None:
    """Load the scorers."""
    import reasoning_gym  # noqa: F401


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge completely; the package's scorers may hang on hostile text, so run it in a worker process."""
    direct = judge_directly(reference, spec, answer)
    return direct if direct is not None else _judge_by_scorer(reference, spec, _extracted(answer))


def judge_directly(reference: str, spec: Mapping[str, object], answer: str) -> Judgement | None:
    """Judge tasks that are compared or have a rule; None for those that need the package's scorer."""
    extracted = _extracted(answer)
    unjudged = _unjudged(reference, spec, extracted)
    if unjudged is not None:
        return unjudged
    task = str(spec["task"])
    if task in SCORED_TASKS:
        return None
    if task in RULES:
        return _judge_by_rule(reference, spec, extracted)
    if _is_same(reference, extracted):
        return _judgement(Verdict.CORRECT, extracted, "compared", "the answers are equal")
    return _judgement(Verdict.INCORRECT, extracted, "compared", "the answers differ")


def _unjudged(reference: str, spec: Mapping[str, object], extracted: str) -> Judgement | None:
    """Why there is nothing to judge, or None."""
    try:
        require_safe_task(str(spec.get("task")))
    except SourceError as error:
        return _judgement(Verdict.BAD_REFERENCE, None, "refused", str(error))
    if not reference.strip():
        return _judgement(Verdict.BAD_REFERENCE, None, "compared", "the reference is empty")
    return None if extracted else _judgement(Verdict.NO_ANSWER, None, "extraction", "no final answer was found")


def _extracted(answer: str) -> str:
    explicit = explicit_answer(answer) or answer
    return without_wrappers(explicit).strip().strip("`").strip()


def _is_same(reference: str, answer: str) -> bool:
    """Equal line by line whatever the spaces and letter case; or equal as JSON; or as numbers without leading zeros."""
    if _lines(reference) == _lines(answer) or _is_same_json(reference, answer):
        return True
    expected, found = parse_quantity(reference), parse_quantity(answer)
    if expected is None or found is None or _has_leading_zero(reference) or _has_leading_zero(answer):
        return False
    return expected.value == found.value and not found.unit


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()).casefold() for line in text.strip().splitlines() if line.strip()]


def _has_leading_zero(text: str) -> bool:
    digits = text.strip().lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _is_same_json(reference: str, answer: str) -> bool:
    if not reference.lstrip().startswith(("[", "{")):
        return False
    try:
        return json.dumps(json.loads(reference), sort_keys=True) == json.dumps(json.loads(answer), sort_keys=True)
    except (ValueError, RecursionError):
        return False


def _judge_by_rule(reference: str, spec: Mapping[str, object], extracted: str) -> Judgement:
    metadata = _metadata(spec)
    if metadata is None:
        return _without_metadata(extracted)
    try:
        is_right = RULES[str(spec["task"])](reference, metadata, extracted)
    except (KeyError, AssertionError, ValueError, ArithmeticError) as error:
        message = f"reference or metadata lack what the rule needs: {type(error).__name__}: {error}"
        return _judgement(Verdict.BAD_REFERENCE, extracted, "rule", message)
    verdict = {True: Verdict.CORRECT, False: Verdict.INCORRECT, None: Verdict.ABSTAINED}[is_right]
    return _judgement(verdict, extracted, "rule", _RULE_MESSAGES[is_right])


def _metadata(spec: Mapping[str, object]) -> Mapping[str, object] | None:
    entry = spec.get("entry")
    metadata = entry.get("metadata") if isinstance(entry, dict) else None
    return metadata if isinstance(metadata, dict) else None


def _without_metadata(extracted: str) -> Judgement:
    message = "the specification has no `entry` with `metadata`"
    return _judgement(Verdict.BAD_REFERENCE, extracted, "specification", message)


def _judge_by_scorer(reference: str, spec: Mapping[str, object], extracted: str) -> Judgement:
    metadata = _metadata(spec)
    if metadata is None:
        return _without_metadata(extracted)
    form = FORMS.get(str(spec["task"]))
    if form is not None and form.fullmatch(extracted) is None:
        return _judgement(Verdict.ABSTAINED, extracted, "scorer", "the answer holds more than the task asks for")
    scorer = _scorer(str(spec["task"]))
    try:
        score = float(scorer(extracted, {"metadata": metadata, "answer": reference}))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError, ArithmeticError) as error:
        message = f"the scorer cannot read the answer: {type(error).__name__}: {error}"[:300]
        return _judgement(Verdict.ABSTAINED, extracted, "scorer", message)
    verdict = Verdict.CORRECT if score == _FULL_SCORE else Verdict.INCORRECT
    return _judgement(verdict, extracted, "scorer", f"score {score:g}")


@lru_cache(maxsize=128)
def _scorer(task: str) -> Callable[[str, dict[str, object]], float]:
    from reasoning_gym.factory import get_score_answer_fn

    scorer: Callable[[str, dict[str, object]], float] = get_score_answer_fn(task)
    return scorer


def _judgement(verdict: Verdict, extracted: str | None, stage: str, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=extracted, method=f"procedural/{stage}", message=message, milliseconds=0.0
    )
