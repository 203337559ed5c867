"""Verifier kind `instruction`: does a response keep to the constraints that its prompt states?

The specification lists constraints (`constraints.vocabulary`); there is no reference answer, and no part of the
response is taken out: all that follows the think block is judged.

Strict: the response as it stands. Loose: also without its first line, its last line, both, and each of these without
asterisks; a constraint holds loosely if it holds for one of them (Zhou et al., "Instruction-Following Evaluation for
Large Language Models", arXiv:2311.07911, section 2.2). The verdict is strict: `correct` where every constraint holds,
`incorrect` where one is broken, `abstained` where none is broken and one is unclear.
"""

import re
from collections.abc import Iterator, Mapping

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.constraints.constraint import Constraint, Held
from openreason_dagster.domain.verification.constraints.contradictions import contradictions
from openreason_dagster.domain.verification.constraints.vocabulary import (
    MalformedSpecificationError,
    parse_specification,
)

LONGEST_RESPONSE = 1_000_000
"""Characters; longer responses are not judged."""
_CHAT_TOKEN = re.compile(r"(?:<\|[^|<>]{1,40}\|>|</s>|<eos>)\Z")
_WORDS = {True: "held", False: "broken", None: "unclear"}


def present(reference: str) -> str:
    """A response that is given as reference, as it is."""
    return reference


def prepare() -> None:
    """Load the language detector."""
    import lingua  # noqa: F401


def audit(spec: Mapping[str, object]) -> Judgement:
    """`correct` for a specification that can be checked and does not contradict itself, else `bad_reference`."""
    try:
        constraints = parse_specification(spec)
    except MalformedSpecificationError as error:
        return _judgement(Verdict.BAD_REFERENCE, "specification", str(error))
    for contradiction in contradictions(constraints):
        return _judgement(Verdict.BAD_REFERENCE, "specification", contradiction)
    return _judgement(Verdict.CORRECT, "specification", f"{len(constraints)} constraints can be checked")


def judge(reference: str, spec: Mapping[str, object], answer: str) -> Judgement:
    """Judge completely; loads models where a language must be told, so run it in a worker process."""
    del reference
    try:
        constraints = parse_specification(spec)
    except MalformedSpecificationError as error:
        return _judgement(Verdict.BAD_REFERENCE, "specification", str(error))
    response = _without_chat_tokens(answer)
    if not response.strip():
        return _judgement(Verdict.NO_ANSWER, "constraints", "the response is blank")
    if len(response) > LONGEST_RESPONSE:
        message = f"the response has {len(response)} characters, at most {LONGEST_RESPONSE} are judged"
        return _judgement(Verdict.ABSTAINED, "constraints", message)
    evidence, strict = [], []
    for name, constraint in constraints:
        held = constraint.holds(response)
        loosely = held or _holds_loosely(constraint, response)
        evidence.append(f"{name}: strict {_WORDS[held]}, loose {_WORDS[loosely]}")
        strict.append(held)
    return _judgement(_verdict(strict), "constraints", "; ".join(evidence))


def judge_directly(reference: str, spec: Mapping[str, object], answer: str) -> Judgement | None:
    """Judge constraints that need no model; None for the rest."""
    try:
        constraints = parse_specification(spec)
    except MalformedSpecificationError as error:
        return _judgement(Verdict.BAD_REFERENCE, "specification", str(error))
    if any(constraint.needs_worker for _, constraint in constraints):
        return None
    return judge(reference, spec, answer)


def _verdict(strict: list[Held]) -> Verdict:
    if False in strict:
        return Verdict.INCORRECT
    return Verdict.ABSTAINED if None in strict else Verdict.CORRECT


def _holds_loosely(constraint: Constraint, response: str) -> Held:
    results = set()
    for variant in _variants(response):
        held = constraint.holds(variant)
        if held:
            return True
        results.add(held)
    return None if None in results else False


def _variants(response: str) -> Iterator[str]:
    """The response and the forms of it that loose checking allows, without blank ones."""
    lines = response.split("\n")
    texts = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    yield from (text for text in dict.fromkeys([*texts, *(text.replace("*", "") for text in texts)]) if text.strip())


def _without_chat_tokens(text: str) -> str:
    text = text.rstrip()
    while token := _CHAT_TOKEN.search(text, max(0, len(text) - 50)):
        text = text[: token.start()].rstrip()
    return text


def _judgement(verdict: Verdict, stage: str, message: str) -> Judgement:
    return Judgement(
        verdict=verdict, extracted_answer=None, method=f"instruction/{stage}", message=message, milliseconds=0.0
    )
