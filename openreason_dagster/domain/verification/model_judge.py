"""A model as judge: what it is asked, how its reply is read, and what two replies and a rule's verdict make together.

The answer under judgement is hostile text. It stands between lines with a mark that its author could not know, what
chat templates would take for their own tags is spaced out in it, and the reply counts only if its last line repeats
the mark. An answer that is found correct is put before the judge once more with the texts in another order.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from openreason_dagster.domain.inference.questions import Question, Reply
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.records import Message, Verdict

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
_MARK_DIGITS = 12
_LONGEST_ANALYSIS = 1_000
_TEMPLATE_TAG = re.compile(r"<(?=[|｜/a-zA-Z])|\[(?=/?[a-z]?[A-Z_]{3,}\])")
"""Where a tag of a chat template may begin, e.g. `<|im_end|>`, `</s>`, `[/INST]`, `[SYSTEM_PROMPT]`, `[gMASK]`."""
_OBJECT = re.compile(r"\{[^{}]*\}")
_FENCE = re.compile(r"\s*```\s*$")


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


def question(case: Case, part: Part, *, attempt: int, longest_answer: int) -> Question:
    """What the judge is asked in one pass.

    Args:
        case: What to judge.
        part: The order of the texts.
        attempt: From 1; further ones remind of the form.
        longest_answer: Characters; of a longer answer the end is shown, where results stand.
    """
    mark = _mark(case, part)
    shown = {"question": case.question, "reference": case.reference, "answer": case.answer[-longest_answer:]}
    texts = "\n\n".join(_delimited(name, shown[name], mark) for name in _ORDER[part])
    asked = _text("compare").replace("{mark}", mark).replace("{texts}", texts)
    if attempt > 1:
        asked = f"{asked}\n{_text('reminder')}"
    messages = (Message(role="user", content=asked.strip()),)
    return Question(subject_id=case.subject_id, part=part, messages=messages, attempt=attempt)


def read_reply(case: Case, part: Part, reply: Reply) -> str | None:
    """`correct`, `incorrect` or `unsure` as the reply ends with; None where it does not have the asked form.

    The JSON has to stand at the very end and to carry the mark; another verdict with the mark before it makes the
    reply unreadable. So does the token limit: what ends a reply that was cut may be a thought on the way.
    """
    if reply.was_cut:
        return None
    mark, text = _mark(case, part), _FENCE.sub("", reply.text).rstrip()
    verdicts = [verdict for found in _OBJECT.findall(text) if (verdict := _verdict(found, mark)) is not None]
    ends_with_it = text.endswith("}") and _verdict(text[text.rfind("{") :], mark) is not None
    return verdicts[0] if ends_with_it and len(set(verdicts)) == 1 else None


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
        return Finding(verdict=UNREADABLE, analysis=f"the reply {fault}: {_clipped(reply.text)}")
    return Finding(verdict=verdict, analysis=_clipped(reply.text))


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


def _verdict(text: str, mark: str) -> str | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    verdict = found.get("verdict") if isinstance(found, dict) and found.get("id") == mark else None
    return verdict if isinstance(verdict, str) and verdict in _FOUND else None


def _mark(case: Case, part: Part) -> str:
    return stable_hash([case.subject_id, part])[:_MARK_DIGITS]


def _delimited(name: str, text: str, mark: str) -> str:
    shown = _TEMPLATE_TAG.sub(lambda match: f"{match[0]} ", text)
    return f"--- {name} {mark} begins ---\n{shown}\n--- {name} {mark} ends ---"


def _clipped(text: str) -> str:
    clean = text.strip()
    return clean if len(clean) <= _LONGEST_ANALYSIS else f"…{clean[-_LONGEST_ANALYSIS:]}"


@cache
def _text(name: str) -> str:
    folder = files("openreason_dagster.domain.verification").joinpath("judge_questions")
    return folder.joinpath(f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")
