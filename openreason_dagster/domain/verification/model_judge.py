"""A model as judge: what it is asked, how its reply is read, and what two replies and a rule's verdict make together.

The answer under judgement is hostile text, shown and read as `judge_texts` says. An answer that is found correct is
put before the judge once more with the texts in another order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification.judge_texts import clipped, finding_in, judge_question

Part = Literal["forward", "swapped"]
Decision = Literal["rule", "judge", "union"]
"""Who decides about answers that a rule can compare: the rule, a model, or either that accepts."""
COMPARED_KINDS = frozenset({"math", "choice", "exact", "numeric", "judge"})
"""Kinds whose reference is a text that a model can compare an answer with."""
_ORDER: dict[Part, tuple[str, ...]] = {
    "forward": ("question", "reference", "answer"),
    "swapped": ("answer", "reference", "question"),
}
_FOUND = {"correct": Verdict.CORRECT, "incorrect": Verdict.INCORRECT, "unsure": Verdict.ABSTAINED}
UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is put before the judge; equal cases are judged once."""

    question: str
    reference: str
    answer: str

    @property
    def subject_id(self) -> str:
        """Identity of the case."""
        return stable_hash([self.question, self.reference, self.answer])


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What the judge found of a case."""

    verdict: Verdict
    """correct, incorrect, abstained; error where the model did not reply at all."""
    message: str
    """The judge's analysis, or why there is no verdict."""
    first: str
    """What the first pass came to: a verdict, `unreadable`, or the class of the failure."""
    second: str | None
    """The same of the second pass; None where there was none."""


def question(case: Case, part: Part, *, attempt: int, template: str, longest_answer: int) -> Question:
    """What the judge is asked in one pass.

    Args:
        case: What to judge.
        part: The order of the texts.
        attempt: From 1; further ones remind of the form.
        template: A text as of `judge_texts.judge_template`.
        longest_answer: Characters; of a longer answer the end is shown, where results stand.
    """
    shown = {"question": case.question, "reference": case.reference, "answer": case.answer[-longest_answer:]}
    texts = {name: shown[name] for name in _ORDER[part]}
    return judge_question(case.subject_id, part, texts, template=template, attempt=attempt, reminder="compare")


def read_reply(case: Case, part: Part, reply: Reply) -> str | None:
    """`correct`, `incorrect` or `unsure` as the reply ends with; None where it does not have the asked form.

    The JSON has to stand at the very end and to carry the mark; another verdict with the mark before it makes the
    reply unreadable. So does the token limit: what ends a reply that was cut may be a thought on the way.
    """
    return finding_in(reply, case.subject_id, part, _verdict)


def opinion(first: "Finding", second: "Finding | None") -> Opinion:
    """What one or two passes come to: `correct` needs both, and passes that differ make the judge abstain."""
    if second is None:
        return Opinion(verdict=_meaning(first.verdict), message=first.analysis, first=first.verdict, second=None)
    verdict, message = _meaning(second.verdict), second.analysis
    if verdict is Verdict.INCORRECT:
        verdict, message = Verdict.ABSTAINED, f"with the texts in another order it is incorrect: {message}"
    return Opinion(verdict=verdict, message=message, first=first.verdict, second=second.verdict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one pass came to."""

    verdict: str
    """correct, incorrect, unsure, `unreadable`, or the class of a failure."""
    analysis: str


def finding(case: Case, part: Part, reply: Reply | None) -> Finding:
    """What a reply comes to; None is a question that the budget refused."""
    if reply is None:
        return Finding(verdict="not_asked", analysis="the budget left no room to ask the judge")
    if reply.failure is not None:
        return Finding(verdict=reply.failure, analysis=f"the judge could not be asked: {reply.failure}")
    verdict = read_reply(case, part, reply)
    if verdict is None:
        fault = "was cut at the judge's `max_tokens`" if reply.was_cut else "does not end with the line asked for"
        return Finding(verdict=UNREADABLE, analysis=f"the reply {fault}: {clipped(reply.text)}")
    return Finding(verdict=verdict, analysis=clipped(reply.text))


def is_asked(kind: str, verdict: str, *, method: str, answer: str, decision: Decision) -> bool:
    """Whether the judge is asked about an answer on which a rule came to a verdict by a method.

    Nothing to compare (a blank answer, a truncated trace, a bad reference) is not put before a judge.
    """
    if kind not in COMPARED_KINDS or method == "none" or verdict in {"truncated", "bad_reference"}:
        return False
    if not answer.strip():
        return False
    if kind == "judge":
        return verdict == "error"
    return decision == "judge" or (decision == "union" and verdict != "correct")


def judged_kinds(decision: Decision) -> frozenset[str]:
    """Kinds of verifiers in whose verdicts a judge model has a say."""
    return frozenset({"judge"}) if decision == "rule" else COMPARED_KINDS


def overrules(judge: Verdict, *, decision: Decision, kind: str) -> bool:
    """Whether the judge's verdict and its reasons take the place of the rule's, where the judge was asked.

    In a union the judge can only add answers that the rule refused; where it adds none, the rule's verdict stands. A
    judge that could not be asked leaves the verdict open.
    """
    return kind == "judge" or decision == "judge" or judge in {Verdict.CORRECT, Verdict.ERROR}


def _meaning(verdict: str) -> Verdict:
    return Verdict.ABSTAINED if verdict == UNREADABLE else _FOUND.get(verdict, Verdict.ERROR)


def _verdict(found: Mapping[str, object]) -> str | None:
    verdict = found.get("verdict")
    return verdict if isinstance(verdict, str) and verdict in _FOUND else None
